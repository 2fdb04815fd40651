#include "openssl_veto.h"

#include <stdio.h>
#include <time.h>

/* DANE-TA: the first usage that goes by without the CAs that everybody trusts (RFC 7671, section 5). */
#define USAGE_DANE_TA 2

/* A name in DNS has 253, and TLS knows no longer one. */
#define NAME_BYTES_MAX 256

/* Whether TLSA records of a signed zone have made this chain good, and no CA. */
static int is_by_dane(SSL *ssl)
{
    uint8_t usage;

    return SSL_get0_dane_authority(ssl, NULL, NULL) >= 0 &&
           SSL_get0_dane_tlsa(ssl, &usage, NULL, NULL, NULL, NULL) >= 0 && usage >= USAGE_DANE_TA;
}

static uint32_t flags_of(X509_STORE_CTX *store, SSL *ssl)
{
    uint32_t flags = 0;
    unsigned long verify_flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(store));

    if (is_by_dane(ssl))
        flags |= COUNTERSIGN_SCT_BY_DANE;
    /* The program may be content with an intermediate that it trusts: of such a chain SCTs are demanded, for it may be
     * one of a public CA. Or its callback has let pass a chain that does not end in anything trusted. */
    if (verify_flags & X509_V_FLAG_PARTIAL_CHAIN || X509_STORE_CTX_get_error(store) != X509_V_OK)
        flags |= COUNTERSIGN_SCT_LAST_IS_ANCHOR;
    return flags;
}

/* A name for people: what does not belong into names of hosts must not steer their terminal. */
static const char *plain(const char *host, char *buffer, size_t size)
{
    size_t i;

    for (i = 0; host[i] && i + 1 < size; i++)
        buffer[i] = host[i] > ' ' && host[i] < 127 ? host[i] : '?';
    buffer[i] = 0;
    return buffer;
}

static int32_t judge(X509_STORE_CTX *store, SSL *ssl, struct countersign_sct_enforcer *enforcer)
{
    STACK_OF(X509) *verified = X509_STORE_CTX_get0_chain(store);
    struct countersign_sct_certificate chain[COUNTERSIGN_SCT_CHAIN_MAX];
    struct countersign_sct_decision *decision = NULL;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    int32_t result = COUNTERSIGN_SCT_RESULT_UNREADABLE;
    char name[NAME_BYTES_MAX];
    size_t len = 0, i;

    while (len < COUNTERSIGN_SCT_CHAIN_MAX && (int)len < sk_X509_num(verified)) {
        unsigned char *der = NULL;
        int der_len = i2d_X509(sk_X509_value(verified, (int)len), &der);

        if (der_len < 0)
            goto done;
        chain[len].data = der;
        chain[len++].len = (size_t)der_len;
    }
    result = countersign_sct_judge(enforcer, chain, len, host, (int64_t)time(NULL), flags_of(store, ssl), &decision);
    fprintf(stderr, "countersign: %s: %s\n", host ? plain(host, name, sizeof name) : "the server",
            decision ? countersign_sct_decision_reason(decision) : countersign_sct_result_text(result));
    for (i = 0; i < countersign_sct_decision_warnings(decision); i++)
        fprintf(stderr, "countersign: warning: %s\n", countersign_sct_decision_warning(decision, i));
done:
    countersign_sct_decision_free(decision);
    while (len)
        OPENSSL_free((void *)chain[--len].data);
    return result;
}

int openssl_veto(X509_STORE_CTX *store, void *enforcer)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    int verified = X509_verify_cert(store);

    /* Clients present certificates of their own to servers, and no browser's rules are about these. */
    if (verified <= 0 || SSL_is_server(ssl) || judge(store, ssl, enforcer) == COUNTERSIGN_SCT_RESULT_OK)
        return verified;
    X509_STORE_CTX_set_error_depth(store, 0);
    X509_STORE_CTX_set_current_cert(store, X509_STORE_CTX_get0_cert(store));
    X509_STORE_CTX_set_error(store, X509_V_ERR_NO_VALID_SCTS);
    return X509_STORE_CTX_get_verify_cb(store)(0, store);
}

/* OpenSSL calls this while it makes an SSL_CTX: CRYPTO_get_ex_new_index(3). */
static void on_new_context(void *context, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *enforcer)
{
    (void)ptr, (void)data, (void)index, (void)argl;
    SSL_CTX_set_cert_verify_callback(context, openssl_veto, enforcer);
}

int openssl_veto_everywhere(struct countersign_sct_enforcer *enforcer)
{
    return SSL_CTX_get_ex_new_index(0, enforcer, on_new_context, NULL, NULL) >= 0;
}
