// Paths that a container can influence, resolved below a directory without leaving it.
#ifndef NOCHER_RESOLVE_H
#define NOCHER_RESOLVE_H

#include <stdbool.h>
#include <sys/types.h>

// openat2 with RESOLVE_IN_ROOT and no magic links; adds O_CLOEXEC.
int open_in_root(int root, const char *path, int flags);

struct resolve_options {
  bool create;        // make what is missing
  bool last_is_file;  // the last part, when made, is an empty file and no directory
  mode_t mode;        // of made directories
  bool beneath;       // `..` and absolute links that lead out are an error (EXDEV) and not cut off at the root
};

// O_PATH descriptor of `path` below `root`, or -1. Async-signal-safe. Every step is taken from `root` anew with links
// refused, so that somebody who changes the tree meanwhile can make it fail but not lead it out.
int resolve_in_root(int root, const char *path, const struct resolve_options *options);
#endif
