// Who a process runs as: names are looked up in the container's own passwd and group files.
#ifndef NOCHER_USER_H
#define NOCHER_USER_H

#include <sys/types.h>

#include "failure.h"
#include "json.h"

struct user_request {
  const char *user;   // "", number, name, or user:group
  const char *group;  // overrides the group; "" when absent
  gid_t supplemental[64];
  size_t supplemental_count;
  bool merge;  // add the image's memberships
};

struct user {
  uid_t uid;
  gid_t gid;
  gid_t groups[128];
  size_t group_count;
  char home[512];
};

int user_read(const struct json *object, struct user_request *request, struct failure *failure);
// `root` is the container's root directory; nothing outside it is read.
int user_resolve(int root, const struct user_request *request, struct user *user, struct failure *failure);
// In the child, async-signal-safe; keeps permitted capabilities for capabilities_apply.
int user_apply(const struct user *user);
#endif
