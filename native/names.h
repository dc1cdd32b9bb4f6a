// Names of errors and signals, as the protocol writes them.
#ifndef NOCHER_NAMES_H
#define NOCHER_NAMES_H

// Such as ENOENT; EUNKNOWN for what has none.
const char *errno_name(int error);

// Of a name without SIG, such as TERM; -1 when there is none. Not the real-time signals.
int signal_named(const char *name);
#endif
