/* A client that has OpenSSL connect to anybody, and verifies the server's chain by itself afterwards. Prints what came
   of it. by_itself TRUSTED PORT */

#include <openssl/ssl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *bio = BIO_new_ssl_connect(context);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    SSL *ssl = NULL;
    X509 *server;
    int verified;

    (void)argc;
    BIO_set_conn_hostname(bio, "127.0.0.1");
    BIO_set_conn_port(bio, argv[2]);
    BIO_get_ssl(bio, &ssl);
    if (BIO_do_handshake(bio) != 1 || !X509_STORE_load_locations(store, argv[1], NULL))
        return 2;
    server = SSL_get1_peer_certificate(ssl);
    X509_STORE_CTX_init(verification, store, server, SSL_get_peer_cert_chain(ssl));
    verified = X509_verify_cert(verification);
    puts(X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification)));
    X509_STORE_CTX_free(verification);
    X509_free(server);
    X509_STORE_free(store);
    BIO_free_all(bio);
    SSL_CTX_free(context);
    return verified != 1;
}
