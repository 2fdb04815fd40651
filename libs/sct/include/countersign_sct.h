#ifndef COUNTERSIGN_SCT_H
#define COUNTERSIGN_SCT_H

#include <stddef.h>
#include <stdint.h>

/* Demands SCTs: of every certificate chain that ends in a public root, logs must have promised to publish it.
 *
 * docs/sct-c.md is the manual. What holds for all functions:
 *
 * - A result of 0 is "go on". Everything else is not, so `if (result != 0) refuse();` is always right.
 * - No function keeps what is passed to it, or changes it. Only what a function of this library has made is freed by
 *   its countersign_sct_..._free(); sentences live as long as the decision they belong to.
 * - Threads may share an enforcer, and call anything at the same time except countersign_sct_enforcer_free().
 * - The library opens no file and no connection, and reads no clock: bytes and times are passed in. */

/**
 * A profile: a list of logs that is older than 180 days only warns.
 */
#define COUNTERSIGN_SCT_PROFILE_DEFAULT 0

/**
 * A profile: such a list refuses, as it did before. For those to whom an interception is worse than no connection.
 */
#define COUNTERSIGN_SCT_PROFILE_HIGH_RISK 1

/**
 * A flag of countersign_sct_judge(): the chain was verified by TLSA records of a signed zone with the usages
 * DANE-TA(2) or DANE-EE(3). No CA's word was taken, so no SCT is asked for.
 */
#define COUNTERSIGN_SCT_BY_DANE 1

/**
 * A flag of countersign_sct_judge(): the last certificate is the trust anchor, although another key has signed it.
 * TLS libraries build such chains where trust in an intermediate is enough (X509_V_FLAG_PARTIAL_CHAIN of OpenSSL).
 */
#define COUNTERSIGN_SCT_LAST_IS_ANCHOR 2

/**
 * Certificates in a chain. OpenSSL builds chains of at most 102.
 */
#define COUNTERSIGN_SCT_CHAIN_MAX 102

/**
 * Bytes of a certificate, or of a text with public roots: more does not fit into a TLS message (RFC 8446 §4).
 */
#define COUNTERSIGN_SCT_CERTIFICATE_BYTES_MAX 16777215

/**
 * Bytes of what an enforcer remembers: 4,096 hosts and the latest time. A buffer of this size is always enough.
 */
#define COUNTERSIGN_SCT_MEMORY_BYTES_MAX (512 * 1024)

/**
 * Bytes of a host's name, without the zero at the end. A name of the DNS has 253 (RFC 1035 §3.1).
 */
#define COUNTERSIGN_SCT_HOST_BYTES_MAX 1023

/**
 * What a function returns: 0 is "go on", everything else is not.
 *
 * 1xx: the connection is refused. 3xx: the program calls it wrongly, or passes something that cannot be read.
 * 4xx: a list of logs is not taken, and the one that was in force stays. 9xx: a bug of the library. The 2xx are the
 * kinds of warnings, and no function returns them as its result. Later versions may have more numbers.
 */
enum countersign_sct_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done; of countersign_sct_judge(): the connection may be used.
   */
  COUNTERSIGN_SCT_RESULT_OK = 0,
  /**
   * Refused: the certificate has no SCT, so no log has promised to publish it.
   */
  COUNTERSIGN_SCT_RESULT_NO_SCTS = 100,
  /**
   * Refused: it has SCTs, and of those that count there are not enough.
   */
  COUNTERSIGN_SCT_RESULT_TOO_FEW_SCTS = 101,
  /**
   * Refused: a certificate of the chain, or its list of SCTs, cannot be taken apart.
   */
  COUNTERSIGN_SCT_RESULT_UNREADABLE = 102,
  /**
   * A pointer is NULL that must not be, or is not aligned.
   */
  COUNTERSIGN_SCT_RESULT_BAD_POINTER = 300,
  /**
   * A length is larger than anything that can be meant, or a text does not end.
   */
  COUNTERSIGN_SCT_RESULT_TOO_LONG = 301,
  /**
   * A text is not UTF-8.
   */
  COUNTERSIGN_SCT_RESULT_NOT_UTF8 = 302,
  /**
   * The way is none that a list can name.
   */
  COUNTERSIGN_SCT_RESULT_UNKNOWN_WAY = 303,
  /**
   * There is no such profile.
   */
  COUNTERSIGN_SCT_RESULT_UNKNOWN_PROFILE = 304,
  /**
   * There is no such flag.
   */
  COUNTERSIGN_SCT_RESULT_UNKNOWN_FLAG = 305,
  /**
   * The chain has no certificate.
   */
  COUNTERSIGN_SCT_RESULT_EMPTY_CHAIN = 306,
  /**
   * The chain ends in a certificate that another one has signed, and that is no public root: the trust anchor is
   * missing. Pass the verified chain, or say COUNTERSIGN_SCT_LAST_IS_ANCHOR.
   */
  COUNTERSIGN_SCT_RESULT_INCOMPLETE_CHAIN = 307,
  /**
   * The time is none.
   */
  COUNTERSIGN_SCT_RESULT_BAD_TIME = 308,
  /**
   * There is no certificate in the PEM, or one that cannot be read.
   */
  COUNTERSIGN_SCT_RESULT_BAD_PEM = 309,
  /**
   * This is not what an enforcer has remembered.
   */
  COUNTERSIGN_SCT_RESULT_BAD_MEMORY = 310,
  /**
   * The buffer is too small.
   */
  COUNTERSIGN_SCT_RESULT_BUFFER_TOO_SMALL = 311,
  /**
   * The keys for lists cannot be read.
   */
  COUNTERSIGN_SCT_RESULT_BAD_KEYS = 400,
  /**
   * The list has no signatures, or is cut off.
   */
  COUNTERSIGN_SCT_RESULT_LIST_NOT_SIGNED = 401,
  /**
   * Too few of the keys have signed the list.
   */
  COUNTERSIGN_SCT_RESULT_LIST_SIGNED_BY_TOO_FEW = 402,
  /**
   * The list is signed, and cannot be read: it may be for later versions of the library.
   */
  COUNTERSIGN_SCT_RESULT_BAD_LIST = 403,
  /**
   * The list is older than the one in force, or another of the same version.
   */
  COUNTERSIGN_SCT_RESULT_LIST_NOT_NEWER = 404,
  /**
   * A bug of the library: it has told more on standard error.
   */
  COUNTERSIGN_SCT_RESULT_PANICKED = 900,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum countersign_sct_result countersign_sct_result;
#else
typedef int32_t countersign_sct_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The kinds of warnings. Later versions may have more.
 */
enum countersign_sct_warning
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * There is no such warning.
   */
  COUNTERSIGN_SCT_WARNING_NONE = 0,
  /**
   * The list of logs is older than 70 days: less is asked. Update it.
   */
  COUNTERSIGN_SCT_WARNING_LIST_OLD = 200,
  /**
   * The list of logs is older than 180 days, or has expired. Update it at once.
   */
  COUNTERSIGN_SCT_WARNING_LIST_TOO_OLD = 201,
  /**
   * The connection would be refused, if the list were not too old, or enforcement not suspended here.
   */
  COUNTERSIGN_SCT_WARNING_WOULD_REFUSE = 202,
  /**
   * The host had a certificate of a public CA before, and now has one of a private CA: ask the user.
   */
  COUNTERSIGN_SCT_WARNING_TURNED_PRIVATE = 203,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum countersign_sct_warning countersign_sct_warning;
#else
typedef int32_t countersign_sct_warning;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Demands SCTs. Make one for the whole program. Threads may share it and call anything at the same time, except
 * countersign_sct_enforcer_free(), which must be the last call.
 */
struct countersign_sct_enforcer;

/**
 * What countersign_sct_judge() has decided, with its reasons. It never changes, so threads may share it.
 */
struct countersign_sct_decision;

/**
 * A certificate, in DER. It stays the caller's.
 */
struct countersign_sct_certificate {
  /**
   * Its first byte.
   */
  const uint8_t *data;
  /**
   * How many bytes there are.
   */
  size_t len;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, as 1.2.3. Never NULL, never freed.
 */
const char *countersign_sct_version(void);

/**
 * A sentence for a result. Never NULL, never freed; there is one for numbers that are no result too.
 */
const char *countersign_sct_result_text(int32_t result);

/**
 * Makes an enforcer with the list of logs and the public roots that come with this library, in the default profile.
 *
 * `way` says how the program comes here, so that a list can suspend a way that is broken: "c", or NULL for the same,
 * "python", "rustls", "preload". Bindings for other languages are "c".
 *
 * `enforcer` gets it, or NULL. Free it with countersign_sct_enforcer_free().
 *
 * # Safety
 *
 * `way` is NULL or ends with a zero; `enforcer` can be written.
 */
countersign_sct_result countersign_sct_enforcer_new(const char *way,
                                                    struct countersign_sct_enforcer **enforcer);

/**
 * Frees an enforcer. NULL is nothing to free. Decisions that it made stay.
 *
 * # Safety
 *
 * `enforcer` is NULL, or was made by countersign_sct_enforcer_new(), was not freed yet, and no other thread uses it.
 */
void countersign_sct_enforcer_free(struct countersign_sct_enforcer *enforcer);

/**
 * Sets the profile: COUNTERSIGN_SCT_PROFILE_DEFAULT or COUNTERSIGN_SCT_PROFILE_HIGH_RISK.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new().
 */
countersign_sct_result countersign_sct_enforcer_set_profile(const struct countersign_sct_enforcer *enforcer,
                                                            uint32_t profile);

/**
 * Takes further roots for public ones, beside those that come with the library: a text with one or more
 * certificates in PEM. All of them are added or, if one cannot be read, none.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `pem_len` bytes can be read at `pem`.
 */
countersign_sct_result countersign_sct_enforcer_add_public_roots(const struct countersign_sct_enforcer *enforcer,
                                                                 const uint8_t *pem,
                                                                 size_t pem_len);

/**
 * Takes a newer list of logs, in the signed form that `countersign log-list` writes, if enough of the keys have
 * signed it. The keys have to come from where the program comes from, and not with the list.
 *
 * If the result is not 0, the list that was in force stays in force: log what countersign_sct_result_text() says and
 * go on. The same list once more is no error.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `list_len` bytes can be read at `list`, and
 * `keys_len` at `keys`.
 */
countersign_sct_result countersign_sct_enforcer_load_list(const struct countersign_sct_enforcer *enforcer,
                                                          const uint8_t *list,
                                                          size_t list_len,
                                                          const uint8_t *keys,
                                                          size_t keys_len);

/**
 * Says which list of logs is in force: its version, and when it was issued, in seconds since 1970. Either may be
 * NULL.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `version` and `issued` are NULL or can be
 * written.
 */
countersign_sct_result countersign_sct_enforcer_list(const struct countersign_sct_enforcer *enforcer,
                                                     uint64_t *version,
                                                     int64_t *issued);

/**
 * Adds what countersign_sct_enforcer_save_memory() wrote, at the last run or in another process, to what the
 * enforcer remembers. An enforcer without memory can be shown an old time, and does not notice a host that turned
 * from a public CA to a private one.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `memory_len` bytes can be read at `memory`.
 */
countersign_sct_result countersign_sct_enforcer_load_memory(const struct countersign_sct_enforcer *enforcer,
                                                            const uint8_t *memory,
                                                            size_t memory_len);

/**
 * Writes what the enforcer remembers into a buffer, as text without a zero at the end. `len` gets how many bytes
 * that are, also if there are more than `buffer_len`: then nothing is written. COUNTERSIGN_SCT_MEMORY_BYTES_MAX are
 * always enough. Names of hosts are written as hashes.
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `buffer_len` bytes can be written at `buffer`,
 * which may be NULL if that is 0; `len` can be written.
 */
countersign_sct_result countersign_sct_enforcer_save_memory(const struct countersign_sct_enforcer *enforcer,
                                                            uint8_t *buffer,
                                                            size_t buffer_len,
                                                            size_t *len);

/**
 * Judges a chain that the caller's TLS library has verified, for this host: signatures, names and validity are not
 * looked at here. Call it after verification and before anything is sent; if the result is not 0, send nothing, not
 * even without TLS.
 *
 * `chain` is the chain that was *verified*, not what the server sent: from the server's certificate up, ending in
 * the trust anchor. `host` is the name that was asked for, or NULL; it is only used to remember. `now` is in seconds
 * since 1970. `flags` is 0, or COUNTERSIGN_SCT_BY_DANE, COUNTERSIGN_SCT_LAST_IS_ANCHOR, or both.
 *
 * `decision` may be NULL. Otherwise it gets the reasons and warnings, if there was a decision (the result is 0 or of
 * the 1xx), or else NULL. Free it with countersign_sct_decision_free().
 *
 * # Safety
 *
 * `enforcer` is NULL or was made by countersign_sct_enforcer_new(); at `chain` there are `chain_len` certificates,
 * each of which can be read; `host` is NULL or ends with a zero; `decision` is NULL or can be written.
 */
countersign_sct_result countersign_sct_judge(const struct countersign_sct_enforcer *enforcer,
                                             const struct countersign_sct_certificate *chain,
                                             size_t chain_len,
                                             const char *host,
                                             int64_t now,
                                             uint32_t flags,
                                             struct countersign_sct_decision **decision);

/**
 * The result of countersign_sct_judge() that came with the decision. COUNTERSIGN_SCT_RESULT_BAD_POINTER for NULL.
 *
 * # Safety
 *
 * `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
 */
countersign_sct_result countersign_sct_decision_result(const struct countersign_sct_decision *decision);

/**
 * Why the connection is accepted or refused: a sentence in UTF-8 for logs and for people. It lives as long as the
 * decision. Never NULL; empty for a decision that is NULL.
 *
 * # Safety
 *
 * `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
 */
const char *countersign_sct_decision_reason(const struct countersign_sct_decision *decision);

/**
 * How many warnings there are. An accepted connection can have some too: show them.
 *
 * # Safety
 *
 * `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
 */
size_t countersign_sct_decision_warnings(const struct countersign_sct_decision *decision);

/**
 * A warning, counted from 0: a sentence in UTF-8. It lives as long as the decision. NULL if there are not so many.
 *
 * # Safety
 *
 * `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
 */
const char *countersign_sct_decision_warning(const struct countersign_sct_decision *decision,
                                             size_t index);

/**
 * Which warning that is, for programs that have their own words. COUNTERSIGN_SCT_WARNING_NONE if there are not so
 * many.
 *
 * # Safety
 *
 * `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
 */
countersign_sct_warning countersign_sct_decision_warning_kind(const struct countersign_sct_decision *decision,
                                                              size_t index);

/**
 * Frees a decision and its sentences. NULL is nothing to free.
 *
 * # Safety
 *
 * `decision` is NULL, or was made by countersign_sct_judge(), was not freed yet, and no other thread uses it.
 */
void countersign_sct_decision_free(struct countersign_sct_decision *decision);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* COUNTERSIGN_SCT_H */
