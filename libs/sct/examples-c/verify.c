/* Judges a chain that lies in files: certificates in PEM, the server's first, the trust anchor last.
 *
 *   verify [--host NAME] [--at SECONDS] [--dane] [--last-is-anchor] FILE...
 *
 * Exit status: 0 accepted, 1 refused, 2 could not judge. settings.h has the settings.
 *
 * Nothing is verified here but SCTs: a program with a TLS library passes the chain that the library has verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "countersign_sct.h"
#include "settings.h"

static struct countersign_sct_certificate chain[COUNTERSIGN_SCT_CHAIN_MAX];
static size_t chain_len;

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *digit = c ? strchr(digits, c) : NULL;

    return digit ? (int)(digit - digits) : -1;
}

/* Decodes base64 up to the first `-`. What is no base64 is left out: the library will not find a certificate there. */
static size_t decode(const char *from, const char *end, uint8_t *to)
{
    size_t len = 0;
    unsigned long bits = 0;
    int count = 0;

    for (; from < end && *from != '-'; from++) {
        int digit = base64_digit(*from);
        if (digit < 0)
            continue;
        bits = (bits << 6 | (unsigned long)digit) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            to[len++] = (uint8_t)(bits >> count);
        }
    }
    return len;
}

static int add_certificates(const char *path)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    size_t len;
    char *pem = (char *)settings_read(path, &len), *at, *end;

    if (!pem)
        return 0;
    for (at = pem, end = pem + len; at + sizeof begin <= end; at++) {
        uint8_t *der;

        if (memcmp(at, begin, sizeof begin - 1))
            continue;
        if (chain_len == COUNTERSIGN_SCT_CHAIN_MAX || !(der = malloc(len))) {
            free(pem);
            return 0;
        }
        at += sizeof begin - 1;
        chain[chain_len].len = decode(at, end, der);
        chain[chain_len++].data = der;
    }
    free(pem);
    return 1;
}

static int judge(struct countersign_sct_enforcer *enforcer, const char *host, int64_t now, uint32_t flags)
{
    struct countersign_sct_decision *decision;
    int32_t result = countersign_sct_judge(enforcer, chain, chain_len, host, now, flags, &decision);
    size_t i;

    /* Without a decision, the library could not judge, and says why. */
    if (!decision) {
        printf("%d %s\n", (int)result, countersign_sct_result_text(result));
        return 2;
    }
    printf("%d %s\n", (int)result, countersign_sct_decision_reason(decision));
    for (i = 0; i < countersign_sct_decision_warnings(decision); i++)
        printf("%d %s\n", (int)countersign_sct_decision_warning_kind(decision, i),
               countersign_sct_decision_warning(decision, i));
    countersign_sct_decision_free(decision);
    return result == COUNTERSIGN_SCT_RESULT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *host = NULL;
    int64_t now = (int64_t)time(NULL);
    uint32_t flags = 0;
    struct countersign_sct_enforcer *enforcer = settings_enforcer();
    int i, status = enforcer ? 0 : 2;

    for (i = 1; i < argc && !status; i++) {
        if (!strcmp(argv[i], "--host") && i + 1 < argc)
            host = argv[++i];
        else if (!strcmp(argv[i], "--at") && i + 1 < argc)
            now = strtoll(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--dane"))
            flags |= COUNTERSIGN_SCT_BY_DANE;
        else if (!strcmp(argv[i], "--last-is-anchor"))
            flags |= COUNTERSIGN_SCT_LAST_IS_ANCHOR;
        else if (!add_certificates(argv[i]))
            status = 2;
    }
    if (!status)
        status = judge(enforcer, host, now, flags);
    if (enforcer)
        settings_save(enforcer);
    while (chain_len)
        free((void *)chain[--chain_len].data);
    countersign_sct_enforcer_free(enforcer);
    return status;
}
