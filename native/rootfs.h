// A container's root file system: the monitor opens every source as a detached mount (rootfs-prepare.c), the child,
// already in pause's empty mount namespace, only puts them together (rootfs-build.c). No host path is visible to the
// child at any time.
#ifndef NOCHER_ROOTFS_H
#define NOCHER_ROOTFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup.h"
#include "failure.h"
#include "json.h"

struct mount_plan {
  int tree;  // detached mount
  bool is_file;
  char *destination;
};

struct device_node {
  char *path;  // below /dev, without it; with a slash first, anywhere else
  bool read_only;
  mode_t mode;
  dev_t device;
  uid_t uid;
  gid_t gid;
};

struct rootfs_plan {
  int root;  // detached mount
  bool read_only;
  bool writable_system;  // privileged: /sys and cgroups
  struct mount_plan *mounts;
  size_t mount_count;
  struct strings masked;
  struct strings read_only_paths;
  struct device_node *devices;
  size_t device_count;
  int shm;  // -1: pause's
  int cgroups[CGROUP_MAX_HIERARCHIES];
  char cgroup_names[CGROUP_MAX_HIERARCHIES][96];
  int cgroup_count;
  bool cgroup_unified;
};

// `container` is the start request's object. On failure nothing stays open.
int rootfs_prepare(const struct json *container, bool host_ipc, struct rootfs_plan *plan, struct failure *failure);
// The host's device nodes (privileged) or those named; read before the cgroup's rules are made.
int rootfs_prepare_devices(const struct json *container, bool all, struct rootfs_plan *plan, struct failure *failure);
struct device_rule device_rule_of(const struct device_node *node);
void rootfs_add_cgroups(struct rootfs_plan *plan, const struct cgroup_host *host, const char *path);
void rootfs_plan_free(struct rootfs_plan *plan);

// In the child, async-signal-safe. Returns 0, or -1 with errno and `*step`, `*detail` naming what failed. `terminal`
// (in: -1, or -2 to ask for one) becomes the master of a new terminal and `*slave` its other side.
struct rootfs_build {
  const struct rootfs_plan *plan;
  const char *cwd;
  bool terminal;
  int master;
  int slave;
  const char *step;
  const char *detail;
};
int rootfs_build(struct rootfs_build *build);
// Opens a terminal of the devpts at `pts` (a directory descriptor); checks that it is one.
int terminal_open(int pts, int *master, int *slave);
#endif
