// `check`: what this host can do.
#ifndef NOCHER_CHECK_H
#define NOCHER_CHECK_H

#include "json.h"

void check_write(struct buffer *out);
#endif
