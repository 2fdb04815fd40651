/* Calls every function of the C ABI with what nobody should pass: random bytes, halves of real files, NULL, absurd
 * lengths. What must hold: a result that has a number, no decision without a reason, and, since it runs under
 * valgrind, no byte read or written that is not there and none that is lost.
 *
 *   abuse ROUNDS FILE...
 *
 * The files are what is good: chains, keys, lists. They are passed cut off and with bytes changed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countersign_sct.h"
#include "settings.h"

#define FILES_MAX 16
#define THREADS 4

static struct {
    uint8_t *bytes;
    size_t len;
} files[FILES_MAX];
static size_t file_count;

/* The same numbers each time (xorshift): what fails once fails again. */
static _Thread_local uint64_t state = 1;

static uint64_t any(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? state % below : 0;
}

static void fail(const char *what, int32_t result)
{
    printf("%s: %d\n", what, (int)result);
    exit(1);
}

/* Every result is in a family, and has a sentence that is not that of a number which is none. */
static int32_t is_known(int32_t result)
{
    const char *unknown = countersign_sct_result_text(-1);

    if (!strcmp(countersign_sct_result_text(result), unknown))
        fail("a result without a sentence", result);
    return result;
}

/* Bytes in memory that is exactly as long, so that valgrind sees a step too far. To be freed. */
static uint8_t *some_bytes(size_t *len)
{
    uint8_t *bytes;
    size_t i;

    if (!file_count || any(4) == 0) {
        *len = (size_t)any(300);
        bytes = malloc(*len + !*len);
        for (i = 0; i < *len; i++)
            bytes[i] = (uint8_t)any(256);
    } else {
        size_t file = (size_t)any(file_count);

        *len = any(3) ? files[file].len : (size_t)any(files[file].len + 1);
        bytes = malloc(*len + !*len);
        memcpy(bytes, files[file].bytes, *len);
        for (i = (size_t)any(4); i && *len; i--)
            bytes[any(*len)] = (uint8_t)any(256);
    }
    return bytes;
}

/* What is passed for bytes: mostly they are there, sometimes NULL, sometimes of a length that nothing has. */
static const uint8_t *passed(const uint8_t *bytes, size_t *len)
{
    switch (any(10)) {
    case 0:
        return NULL;
    case 1:
        *len = SIZE_MAX - (size_t)any(3);
        return bytes;
    default:
        return bytes;
    }
}

static char *some_text(void)
{
    size_t len = (size_t)any(any(10) ? 60 : 3000), i;
    char *text = malloc(len + 1);

    for (i = 0; i < len; i++)
        text[i] = (char)(any(5) ? 'a' + (int)any(26) : 1 + (int)any(255));
    text[len] = 0;
    return text;
}

static void look_at(struct countersign_sct_decision *decision, int32_t result)
{
    size_t count = countersign_sct_decision_warnings(decision), i;

    is_known(countersign_sct_decision_result(decision));
    if (decision && countersign_sct_decision_result(decision) != result)
        fail("a decision with another result", result);
    if (decision && (result >= 300 || !*countersign_sct_decision_reason(decision)))
        fail("a decision without a reason", result);
    if (!decision && result < 300)
        fail("no decision", result);
    for (i = 0; i < count; i++)
        if (!countersign_sct_decision_warning(decision, i) ||
            countersign_sct_decision_warning_kind(decision, i) == COUNTERSIGN_SCT_WARNING_NONE)
            fail("no warning", (int32_t)i);
    if (countersign_sct_decision_warning(decision, count) ||
        countersign_sct_decision_warning_kind(decision, SIZE_MAX) != COUNTERSIGN_SCT_WARNING_NONE)
        fail("a warning too many", (int32_t)count);
    countersign_sct_decision_free(decision);
}

static void judge(const struct countersign_sct_enforcer *enforcer)
{
    struct countersign_sct_certificate chain[8];
    uint8_t *kept[8];
    size_t len = (size_t)any(8), claimed, i;
    struct countersign_sct_decision *decision = NULL;
    char *host = any(4) ? some_text() : NULL;
    int64_t now = any(4) ? (int64_t)any(4000000000u) : (int64_t)any(UINT64_MAX);
    uint32_t flags = (uint32_t)any(any(10) ? 4 : 10);
    int32_t result;

    for (i = 0; i < len; i++) {
        kept[i] = some_bytes(&chain[i].len);
        chain[i].data = passed(kept[i], &chain[i].len);
    }
    claimed = any(20) ? len : SIZE_MAX / 2;
    result = is_known(countersign_sct_judge(any(20) ? enforcer : NULL, any(20) ? chain : NULL, claimed, host, now, flags,
                                            any(10) ? &decision : NULL));
    if (decision)
        look_at(decision, result);
    for (i = 0; i < len; i++)
        free(kept[i]);
    free(host);
}

static void load(struct countersign_sct_enforcer *enforcer)
{
    size_t len, keys_len;
    uint8_t *bytes = some_bytes(&len), *keys = some_bytes(&keys_len);
    const uint8_t *bytes_passed = passed(bytes, &len), *keys_passed = passed(keys, &keys_len);

    if (any(20) == 0)
        enforcer = NULL;
    switch (any(4)) {
    case 0:
        is_known(countersign_sct_enforcer_load_list(enforcer, bytes_passed, len, keys_passed, keys_len));
        break;
    case 1:
        is_known(countersign_sct_enforcer_add_public_roots(enforcer, bytes_passed, len));
        break;
    case 2:
        is_known(countersign_sct_enforcer_load_memory(enforcer, bytes_passed, len));
        break;
    default:
        is_known(countersign_sct_enforcer_set_profile(enforcer, (uint32_t)any(4)));
    }
    free(bytes);
    free(keys);
}

static void save(const struct countersign_sct_enforcer *enforcer)
{
    size_t room = (size_t)any(3000), len = 0;
    uint8_t *buffer = malloc(room + 1);
    int32_t result;

    result = is_known(countersign_sct_enforcer_save_memory(any(10) ? enforcer : NULL, any(10) ? buffer : NULL, room,
                                                           any(10) ? &len : NULL));
    if ((result == COUNTERSIGN_SCT_RESULT_OK && len > room) ||
        (result == COUNTERSIGN_SCT_RESULT_BUFFER_TOO_SMALL && len <= room))
        fail("a wrong length", result);
    free(buffer);
}

static void look(const struct countersign_sct_enforcer *enforcer)
{
    uint64_t version;
    int64_t issued;

    is_known(countersign_sct_enforcer_list(any(5) ? enforcer : NULL, any(2) ? &version : NULL, any(2) ? &issued : NULL));
    look_at(NULL, 300);
    countersign_sct_enforcer_free(NULL);
    if (!*countersign_sct_version() || !*countersign_sct_result_text((int32_t)any(UINT32_MAX)))
        fail("no text", 0);
}

static void make(void)
{
    struct countersign_sct_enforcer *made = NULL;
    char *way = any(2) ? some_text() : NULL;
    int32_t result = is_known(countersign_sct_enforcer_new(way, any(10) ? &made : NULL));

    if (result != COUNTERSIGN_SCT_RESULT_OK && made)
        fail("an enforcer that was refused", result);
    countersign_sct_enforcer_free(made);
    free(way);
}

static struct countersign_sct_enforcer *shared;
static unsigned long rounds;

static void *thread(void *seed)
{
    unsigned long round;

    state = 1 + *(uint64_t *)seed;
    for (round = 0; round < rounds; round++) {
        judge(shared);
        switch (any(8)) {
        case 0:
        case 1:
            load(shared);
            break;
        case 2:
            save(shared);
            break;
        case 3:
            look(shared);
            break;
        case 4:
            if (any(8) == 0)
                make();
            break;
        default:
            break;
        }
    }
    return NULL;
}

/* A pointer that is not aligned is noticed, and a place that is none too. */
static void odd_pointers(void)
{
    char room[64];
    struct countersign_sct_certificate *chain = (void *)(room + 1);
    struct countersign_sct_decision **decision = (void *)(room + 1);

    memset(room, 0, sizeof room);
    if (countersign_sct_judge(shared, chain, 1, NULL, 0, 0, NULL) != COUNTERSIGN_SCT_RESULT_BAD_POINTER ||
        countersign_sct_judge(shared, NULL, 0, NULL, 0, 0, decision) != COUNTERSIGN_SCT_RESULT_BAD_POINTER ||
        countersign_sct_enforcer_new("c", NULL) != COUNTERSIGN_SCT_RESULT_BAD_POINTER)
        fail("an odd pointer", 0);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS], i;

    rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    for (i = 2; i < (uint64_t)argc && file_count < FILES_MAX; i++, file_count++)
        if (!(files[file_count].bytes = settings_read(argv[i], &files[file_count].len)))
            return 2;
    if (countersign_sct_enforcer_new(NULL, &shared) != COUNTERSIGN_SCT_RESULT_OK)
        return 2;
    odd_pointers();
    for (i = 0; i < THREADS; i++) {
        seeds[i] = i * 0x9e3779b97f4a7c15u;
        if (pthread_create(&threads[i], NULL, thread, &seeds[i]))
            return 2;
    }
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    countersign_sct_enforcer_free(shared);
    while (file_count)
        free(files[--file_count].bytes);
    printf("survived\n");
    return 0;
}
