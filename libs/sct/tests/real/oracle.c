/* What libcrypto says of the SCTs of certificates.
 *
 *     oracle LOGS < CASES
 *
 * LOGS is a configuration for CTLOG_STORE_load_file. Each line of standard input is a certificate and its issuer, in
 * hexadecimal, and the time to judge at, in milliseconds. Each line of output has a letter for each SCT: v valid,
 * i invalid, u of an unknown log, x of an unknown version, n not verified; or "-" if there is no list. */
#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static X509 *certificate(const char *hex) {
    long length;
    unsigned char *der = OPENSSL_hexstr2buf(hex, &length);
    if (der == NULL)
        exit(3);
    const unsigned char *at = der;
    X509 *parsed = d2i_X509(NULL, &at, length);
    OPENSSL_free(der);
    return parsed;
}

static char letter(const SCT *sct) {
    switch (SCT_get_validation_status(sct)) {
    case SCT_VALIDATION_STATUS_VALID: return 'v';
    case SCT_VALIDATION_STATUS_INVALID: return 'i';
    case SCT_VALIDATION_STATUS_UNKNOWN_LOG: return 'u';
    case SCT_VALIDATION_STATUS_UNKNOWN_VERSION: return 'x';
    default: return 'n';
    }
}

int main(int argc, char **argv) {
    CTLOG_STORE *logs = CTLOG_STORE_new();
    if (argc != 2 || logs == NULL || CTLOG_STORE_load_file(logs, argv[1]) != 1) {
        ERR_print_errors_fp(stderr);
        return 2;
    }
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        char *leaf = strtok(line, " "), *issuer = strtok(NULL, " "), *now = strtok(NULL, " \n");
        X509 *of = certificate(leaf), *by = certificate(issuer);
        STACK_OF(SCT) *scts = of == NULL ? NULL : X509_get_ext_d2i(of, NID_ct_precert_scts, NULL, NULL);
        if (scts == NULL || by == NULL) {
            puts("-");
        } else {
            CT_POLICY_EVAL_CTX *context = CT_POLICY_EVAL_CTX_new();
            CT_POLICY_EVAL_CTX_set1_cert(context, of);
            CT_POLICY_EVAL_CTX_set1_issuer(context, by);
            CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(context, logs);
            CT_POLICY_EVAL_CTX_set_time(context, strtoull(now, NULL, 10));
            for (int i = 0; i < sk_SCT_num(scts); i++) {
                SCT_set_source(sk_SCT_value(scts, i), SCT_SOURCE_X509V3_EXTENSION);
                SCT_validate(sk_SCT_value(scts, i), context);
                putchar(letter(sk_SCT_value(scts, i)));
            }
            putchar('\n');
            CT_POLICY_EVAL_CTX_free(context);
        }
        SCT_LIST_free(scts);
        X509_free(of);
        X509_free(by);
    }
    free(line);
    CTLOG_STORE_free(logs);
    return 0;
}
