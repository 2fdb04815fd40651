/* An enforcer with the settings that all ways into Countersign have in common: what to read is in the environment.
 *
 *   COUNTERSIGN_LIST          a signed list of logs; without it, the one that comes with the library
 *   COUNTERSIGN_LIST_KEYS     the keys that must have signed it
 *   COUNTERSIGN_PUBLIC_ROOTS  further public roots: a file in PEM, or a folder with .crt and .pem files
 *   COUNTERSIGN_MEMORY        what was remembered at the last run; written by settings_save()
 *   COUNTERSIGN_PROFILE       default or high-risk
 *
 * All roots in /usr/share/ca-certificates/mozilla are public too, if there is that folder.
 *
 * Whatever cannot be used is told on standard error, and what was in force stays: enforcement never ends by it. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "countersign_sct.h"

/* The enforcer; NULL if there is none, and then the program must not connect. */
struct countersign_sct_enforcer *settings_enforcer(void);

/* Writes down what the enforcer remembers, if COUNTERSIGN_MEMORY is set. Before the program ends, or now and then.
 * A file that is something else is left as it is. */
void settings_save(const struct countersign_sct_enforcer *enforcer);

/* All bytes of a file, to be freed by the caller; NULL if it cannot be read. */
uint8_t *settings_read(const char *path, size_t *len);

#endif
