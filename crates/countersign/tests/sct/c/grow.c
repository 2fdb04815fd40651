/* Judges one chain after another, each time for another host, and says how much the process has grown in the
 * second half: in the first, what is bounded fills up.
 *
 *   grow VERDICTS CERTIFICATE.der...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "countersign_sct.h"
#include "settings.h"

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%*s %ld", &pages) != 1)
        exit(2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
    struct countersign_sct_enforcer *enforcer = settings_enforcer();
    struct countersign_sct_certificate chain[8];
    unsigned long verdicts = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, i, refused = 0;
    size_t len = 0;
    long before = 0;
    int64_t now = (int64_t)time(NULL);

    for (; (int)len + 2 < argc && len < 8; len++)
        if (!(chain[len].data = settings_read(argv[len + 2], &chain[len].len)))
            return 2;
    for (i = 0; i < verdicts; i++) {
        struct countersign_sct_decision *decision;
        char host[64];

        if (i == verdicts / 2)
            before = resident_kib();
        snprintf(host, sizeof host, "host%lu.example", i);
        /* Time goes on, so that verdicts are not only remembered. */
        refused += countersign_sct_judge(enforcer, chain, len, host, now + (int64_t)(i / 100), 0, &decision) != 0;
        countersign_sct_decision_free(decision);
    }
    printf("%lu verdicts, %lu refused, grown by %ld KiB\n", verdicts, refused, resident_kib() - before);
    countersign_sct_enforcer_free(enforcer);
    while (len)
        free((void *)chain[--len].data);
    return 0;
}
