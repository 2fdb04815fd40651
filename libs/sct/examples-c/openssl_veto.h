/* A veto for programs that use OpenSSL, 1.1.1 or later: what OpenSSL has verified is judged before it is believed. */
#ifndef OPENSSL_VETO_H
#define OPENSSL_VETO_H

#include <openssl/ssl.h>

#include "countersign_sct.h"

/* For SSL_CTX_set_cert_verify_callback(context, openssl_veto, enforcer). The enforcer outlives the context.
 *
 * A refusal is an error of verification like any other, X509_V_ERR_NO_VALID_SCTS: a callback that the program has
 * set by SSL_CTX_set_verify() is asked about it, and without one the handshake fails. */
int openssl_veto(X509_STORE_CTX *store, void *enforcer);

/* Puts the veto into every SSL_CTX that this process makes from now on, for programs whose library keeps its SSL_CTX to
 * itself. A library that sets a callback of its own by SSL_CTX_set_cert_verify_callback() replaces it. Returns whether
 * that could be done. Once, before the library is used. */
int openssl_veto_everywhere(struct countersign_sct_enforcer *enforcer);

#endif
