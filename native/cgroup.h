// Control groups of one pod: v1, v2 or both, by detection. Paths are relative to each hierarchy's mount.
#ifndef NOCHER_CGROUP_H
#define NOCHER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "json.h"

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };
enum { CGROUP_MAX_HIERARCHIES = 12 };

// One mounted hierarchy that we use: its mount point, and the controllers in it ("" for v2).
struct cgroup_hierarchy {
  char mount[256];
  char controllers[96];
};

struct cgroup_host {
  enum cgroup_mode mode;
  struct cgroup_hierarchy hierarchies[CGROUP_MAX_HIERARCHIES];
  int count;
  char controllers[256];  // all that can be used, separated by spaces
};

struct resources {
  int64_t cpu_quota_us;
  int64_t cpu_period_us;
  int64_t cpu_shares;
  int64_t memory_limit_bytes;
  int64_t pids_limit;
};

// A counter is -1 where the host has no such controller.
struct cgroup_stats {
  int64_t cpu_usage_ns;
  int64_t memory_usage;
  int64_t memory_working_set;
  int64_t memory_rss;
  int64_t page_faults;
  int64_t major_page_faults;
  int64_t pids;
};

const char *cgroup_mode_name(enum cgroup_mode mode);
void cgroup_detect(struct cgroup_host *host);
// The hierarchy with this controller, or NULL.
const struct cgroup_hierarchy *cgroup_find(const struct cgroup_host *host, const char *controller);
// Relative, no "..", at most 900 bytes.
bool cgroup_path_valid(const char *path);
int resources_read(const struct json *object, struct resources *result, struct failure *failure);

// Creates the group with its missing ancestors in every hierarchy; on v2 enables the controllers along the way.
int cgroup_create(const struct cgroup_host *host, const char *path, struct failure *failure);
// Applies what is set; what the host cannot do is added to `warnings`.
int cgroup_limit(const struct cgroup_host *host, const char *path, const struct resources *resources,
                 struct strings *warnings, struct failure *failure);
// v2: when the kernel kills one of its processes for memory, it kills them all. For a container, half of which is none;
// on the pod's group it would end pause and the neighbours too.
void cgroup_oom_as_group(const struct cgroup_host *host, const char *path);

// How a child gets into a group: born in it on v2; on v1 by writing "0" to each file, while it has one thread.
struct cgroup_entry {
  int directory;  // for CLONE_INTO_CGROUP, else -1
  int files[CGROUP_MAX_HIERARCHIES];
  int count;
};
void cgroup_entry_open(const struct cgroup_host *host, const char *path, struct cgroup_entry *entry);
void cgroup_entry_close(const struct cgroup_entry *entry);
// Moves the calling process, which has one thread.
int cgroup_enter(const struct cgroup_host *host, const char *path);

// Detached read-only or writable bind mounts of the group's folders, for /sys/fs/cgroup inside. -1 where it failed.
int cgroup_open_trees(const struct cgroup_host *host, const char *path, bool writable, int fds[CGROUP_MAX_HIERARCHIES]);
// SIGKILL to all processes in it and below. Returns whether any was there.
bool cgroup_kill(const struct cgroup_host *host, const char *path);
// Removes it with everything below; -1 while processes are still in it.
int cgroup_remove(const struct cgroup_host *host, const char *path);
// How often the kernel killed a process in it for memory.
int64_t cgroup_oom_kills(const struct cgroup_host *host, const char *path);
// A descriptor that becomes ready (`*events` for epoll) when that may have grown, or -1.
int cgroup_watch_oom(const struct cgroup_host *host, const char *path, uint32_t *events);
void cgroup_read_stats(const struct cgroup_host *host, const char *path, struct cgroup_stats *stats);

// Limits devices (cgroup-devices.c). Returns -1 where neither controller nor BPF can do it.
struct device_rule {
  char type;  // 'b', 'c'
  int major;
  int minor;  // -1: all
  bool read_only;
};
int cgroup_limit_devices(const struct cgroup_host *host, const char *path, const struct device_rule *extra, int count);

// Small file access used by both files.
int cgroup_write(const struct cgroup_hierarchy *hierarchy, const char *path, const char *file, const char *text);
#endif
