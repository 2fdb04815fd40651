/* For mkstemp() and readdir(), also where the compiler is told to know standard C only. */
#define _POSIX_C_SOURCE 200809L

#include "settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A PEM file with all public roots has a quarter of this. */
#define FILE_BYTES_MAX (1024 * 1024)

/* Linux knows no longer path. */
#define PATH_BYTES_MAX 4096

/* Where Debian and its derivatives have the roots of Mozilla's programme, a file each. */
#define MOZILLA_ROOTS "/usr/share/ca-certificates/mozilla"

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

static void add_public_root_file(struct countersign_sct_enforcer *enforcer, const char *path)
{
    size_t len;
    uint8_t *pem = settings_read(path, &len);

    if (pem)
        tell(path, countersign_sct_enforcer_add_public_roots(enforcer, pem, len));
    free(pem);
}

static int is_certificate(const char *name)
{
    const char *ending = strrchr(name, '.');

    return ending && (!strcmp(ending, ".crt") || !strcmp(ending, ".pem"));
}

/* A file, or all files in a folder that are named like certificates. */
static void add_public_roots(struct countersign_sct_enforcer *enforcer, const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char file[PATH_BYTES_MAX];

    if (!folder) {
        add_public_root_file(enforcer, path);
        return;
    }
    while ((entry = readdir(folder)))
        if (is_certificate(entry->d_name) &&
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            add_public_root_file(enforcer, file);
    closedir(folder);
}

/* Whether what is there is remembered now, or nothing is there. Otherwise nothing may be written there: it is something
 * else, or cannot be read at this moment. */
static int load_memory(const struct countersign_sct_enforcer *enforcer, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len;
    uint8_t *memory;
    int32_t result = COUNTERSIGN_SCT_RESULT_BAD_MEMORY;

    /* At the first run there is none. */
    if (!file && errno == ENOENT)
        return 1;
    if (file)
        fclose(file);
    memory = settings_read(path, &len);
    if (memory) {
        result = countersign_sct_enforcer_load_memory(enforcer, memory, len);
        tell(path, result);
    }
    free(memory);
    return result == COUNTERSIGN_SCT_RESULT_OK;
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
    if (!access(MOZILLA_ROOTS, R_OK | X_OK))
        add_public_roots(enforcer, MOZILLA_ROOTS);
    if ((setting = getenv("COUNTERSIGN_MEMORY")))
        load_memory(enforcer, setting);
    if ((setting = getenv("COUNTERSIGN_PROFILE")))
        set_profile(enforcer, setting);
    return enforcer;
}

/* Writes a file under a name of its own, which nobody can guess or share, for its owner only; and renames it when it is
 * whole, so that nobody ever reads half of it. */
static int replace(const char *path, const uint8_t *bytes, size_t len)
{
    char beside[PATH_BYTES_MAX];
    int fd = -1, is_whole;
    FILE *file;

    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) < (int)sizeof beside)
        fd = mkstemp(beside);
    if (fd < 0)
        return 0;
    file = fdopen(fd, "wb");
    is_whole = file && fwrite(bytes, 1, len, file) == len;
    is_whole = (file ? fclose(file) : close(fd)) == 0 && is_whole;
    if (is_whole && !rename(beside, path))
        return 1;
    unlink(beside);
    return 0;
}

void settings_save(const struct countersign_sct_enforcer *enforcer)
{
    const char *path = getenv("COUNTERSIGN_MEMORY");
    uint8_t *memory = path ? malloc(COUNTERSIGN_SCT_MEMORY_BYTES_MAX) : NULL;
    size_t len;

    if (!memory)
        return;
    /* Another process may have written there since: what both know is kept. */
    if (!load_memory(enforcer, path) ||
        countersign_sct_enforcer_save_memory(enforcer, memory, COUNTERSIGN_SCT_MEMORY_BYTES_MAX, &len) ||
        !replace(path, memory, len))
        fprintf(stderr, "countersign: %s is not written\n", path);
    free(memory);
}
