#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A PEM file with all public roots has a quarter of this. */
#define FILE_BYTES_MAX (1024 * 1024)

uint8_t *settings_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = file ? malloc(FILE_BYTES_MAX) : NULL;

    if (bytes) {
        *len = fread(bytes, 1, FILE_BYTES_MAX, file);
        /* A directory can be opened and not read, and a larger file is none of ours. */
        if (ferror(file) || *len == FILE_BYTES_MAX) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (file)
        fclose(file);
    if (!bytes)
        fprintf(stderr, "countersign: %s cannot be read\n", path);
    return bytes;
}

static void tell(const char *what, int32_t result)
{
    if (result != COUNTERSIGN_SCT_RESULT_OK)
        fprintf(stderr, "countersign: %s: %s\n", what, countersign_sct_result_text(result));
}

static void load_list(struct countersign_sct_enforcer *enforcer, const char *path)
{
    const char *keys_path = getenv("COUNTERSIGN_LIST_KEYS");
    size_t list_len, keys_len;
    uint8_t *list, *keys;

    if (!keys_path) {
        fprintf(stderr, "countersign: COUNTERSIGN_LIST needs COUNTERSIGN_LIST_KEYS\n");
        return;
    }
    list = settings_read(path, &list_len);
    keys = settings_read(keys_path, &keys_len);
    if (list && keys)
        tell(path, countersign_sct_enforcer_load_list(enforcer, list, list_len, keys, keys_len));
    free(list);
    free(keys);
}

static void add_public_roots(struct countersign_sct_enforcer *enforcer, const char *path)
{
    size_t len;
    uint8_t *pem = settings_read(path, &len);

    if (pem)
        tell(path, countersign_sct_enforcer_add_public_roots(enforcer, pem, len));
    free(pem);
}

static void load_memory(const struct countersign_sct_enforcer *enforcer, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len;
    uint8_t *memory;

    /* At the first run there is none. */
    if (!file)
        return;
    fclose(file);
    memory = settings_read(path, &len);
    if (memory)
        tell(path, countersign_sct_enforcer_load_memory(enforcer, memory, len));
    free(memory);
}

static void set_profile(struct countersign_sct_enforcer *enforcer, const char *profile)
{
    uint32_t known = COUNTERSIGN_SCT_PROFILE_HIGH_RISK;

    if (!strcmp(profile, "default"))
        known = COUNTERSIGN_SCT_PROFILE_DEFAULT;
    else if (strcmp(profile, "high-risk"))
        fprintf(stderr, "countersign: COUNTERSIGN_PROFILE is neither default nor high-risk: taken for high-risk\n");
    tell("the profile", countersign_sct_enforcer_set_profile(enforcer, known));
}

struct countersign_sct_enforcer *settings_enforcer(void)
{
    struct countersign_sct_enforcer *enforcer;
    const char *setting;

    tell("no enforcer", countersign_sct_enforcer_new("c", &enforcer));
    if (!enforcer)
        return NULL;
    if ((setting = getenv("COUNTERSIGN_LIST")))
        load_list(enforcer, setting);
    if ((setting = getenv("COUNTERSIGN_PUBLIC_ROOTS")))
        add_public_roots(enforcer, setting);
    if ((setting = getenv("COUNTERSIGN_MEMORY")))
        load_memory(enforcer, setting);
    if ((setting = getenv("COUNTERSIGN_PROFILE")))
        set_profile(enforcer, setting);
    return enforcer;
}

void settings_save(const struct countersign_sct_enforcer *enforcer)
{
    const char *path = getenv("COUNTERSIGN_MEMORY");
    uint8_t *memory = path ? malloc(COUNTERSIGN_SCT_MEMORY_BYTES_MAX) : NULL;
    char beside[4096];
    size_t len;
    FILE *file;

    if (!memory)
        return;
    /* Another process may have written there since: what both know is kept. */
    load_memory(enforcer, path);
    countersign_sct_enforcer_save_memory(enforcer, memory, COUNTERSIGN_SCT_MEMORY_BYTES_MAX, &len);
    /* Renamed when it is whole, so that nobody ever reads half of it. */
    if (snprintf(beside, sizeof beside, "%s.new", path) < (int)sizeof beside && (file = fopen(beside, "wb"))) {
        size_t written = fwrite(memory, 1, len, file);
        if (fclose(file) || written != len || rename(beside, path))
            fprintf(stderr, "countersign: %s cannot be written\n", path);
    } else {
        fprintf(stderr, "countersign: %s cannot be written\n", path);
    }
    free(memory);
}
