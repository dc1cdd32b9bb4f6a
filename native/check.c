// `check`: what this host can do, without changing anything.
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "capabilities.h"
#include "cgroup.h"
#include "netlink.h"
#include "syscalls.h"

static bool exists(long result) { return result >= 0 || errno != ENOSYS; }

static bool has_filesystem(const char *type) {
  int fd = sys_fsopen(type, FSOPEN_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// Kernels before 6.5 take any option until the file system is created.
static bool overlay_takes_lower_list(const struct utsname *host) {
  int major = 0;
  int minor = 0;
  return sscanf(host->release, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 8));
}

static bool can_unshare(int flags) {
  pid_t pid = fork();
  int status = 1;
  if (pid == 0) _exit(unshare(flags) == 0 ? 0 : 1);
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// Both kinds are only asked for, with a name that no kernel accepts.
static bool has_link_kind(const char *kind) {
  pid_t pid = fork();
  int status = 1;
  if (pid == 0) {
    struct netlink_request request;
    struct ifinfomsg link = {0};
    int fd = unshare(CLONE_NEWNET) == 0 ? netlink_open() : -1;
    netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    netlink_put_text(&request, IFLA_IFNAME, "nocher-check");
    size_t info = netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_KIND, kind);
    netlink_end(&request, info);
    _exit(fd >= 0 && netlink_send(fd, &request) == 0 ? 0 : 1);
  }
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// In a chroot, processes that enter a mount namespace come out at another root than the one that they left.
static bool is_namespace_root(void) {
  pid_t pid = fork();
  int status = 0;
  if (pid == 0) {
    struct stat before, after;
    int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    bool known = own >= 0 && stat("/", &before) == 0 && setns(own, CLONE_NEWNS) == 0 && stat("/", &after) == 0;
    _exit(known && (before.st_dev != after.st_dev || before.st_ino != after.st_ino) ? 1 : 0);
  }
  return pid < 0 || waitpid(pid, &status, 0) != pid || status == 0;
}

struct findings {
  bool root, overlay, mount_api, mount_setattr, openat2, clone3, pidfd, close_range, seccomp, bridge, veth, administer, namespace_root;
};

static void find(struct findings *found) {
  struct open_how how = {.flags = O_PATH};
  struct mount_attr nothing = {0};
  found->root = geteuid() == 0;
  found->overlay = has_filesystem("overlay");
  found->mount_api = exists(sys_fsopen("", 0));
  found->mount_setattr = exists(sys_mount_setattr(-1, "", 0, &nothing));
  found->openat2 = exists(sys_openat2(-1, "", &how));
  found->clone3 = exists(syscall(SYS_clone3, NULL, 0));
  found->pidfd = exists(sys_pidfd_send_signal(-1, 0));
  found->close_range = exists(sys_close_range(1000000, 1000000, 0));
  found->seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(unsigned int){SECCOMP_RET_ERRNO}) == 0;
  found->bridge = has_link_kind("bridge");
  found->veth = has_link_kind("veth");
  found->namespace_root = is_namespace_root();
  found->administer = capability_in(capability_available(), CAP_SYS_ADMIN);
}

static void write_missing(const struct findings *found, const struct cgroup_host *cgroups, struct buffer *out) {
  const struct {
    bool present;
    const char *text;
  } lines[] = {
      {found->root, "required: root"},
      {found->administer, "required: CAP_SYS_ADMIN"},
      {found->namespace_root, "required: a root that is no chroot"},
      {found->overlay, "required: the overlay file system"},
      {found->mount_api && found->mount_setattr && found->openat2 && found->clone3 && found->pidfd &&
           found->close_range,
       "required: Linux 5.14 or newer"},
      {found->bridge, "bridges: pods get no network of their own"},
      {found->veth, "veth: pods get no network of their own"},
      {found->seccomp, "seccomp: RuntimeDefault profiles cannot be used"},
      {cgroups->mode != CGROUP_NONE, "cgroups: no resource limits, statistics or OOM detection"},
      {cgroups->mode == CGROUP_NONE || cgroup_find(cgroups, "memory") != NULL,
       "the memory controller: no memory limits"},
      {cgroups->mode == CGROUP_NONE || cgroup_find(cgroups, "cpu") != NULL, "the cpu controller: no CPU limits"},
      {cgroups->mode == CGROUP_NONE || cgroup_find(cgroups, "pids") != NULL, "the pids controller: no process limits"},
      {capability_in(capability_available(), CAP_SYS_RESOURCE),
       "CAP_SYS_RESOURCE: limits and OOM scores are lowered only"},
  };
  json_key(out, "missing");
  json_open(out, '[');
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (!lines[i].present) json_string(out, lines[i].text);
  }
  json_close(out, ']');
}

static void write_controllers(const struct cgroup_host *cgroups, struct buffer *out) {
  char copy[sizeof cgroups->controllers];
  char *rest = copy;
  char *word;
  strcpy(copy, cgroups->controllers);
  json_key(out, "cgroupControllers");
  json_open(out, '[');
  while ((word = strsep(&rest, " ")) != NULL) {
    if (*word != '\0') json_string(out, word);
  }
  json_close(out, ']');
}

void check_write(struct buffer *out) {
  struct findings found;
  struct cgroup_host cgroups;
  struct utsname host;
  struct rlimit files = {0};
  find(&found);
  cgroup_detect(&cgroups);
  uname(&host);
  getrlimit(RLIMIT_NOFILE, &files);
  json_open(out, '{');
  json_put_integer(out, "version", 1);
  json_put_boolean(out, "root", found.root);
  json_put_string(out, "kernel", host.release);
  json_put_string(out, "arch", host.machine);
  json_put_string(out, "cgroupMode", cgroup_mode_name(cgroups.mode));
  write_controllers(&cgroups, out);
  json_put_boolean(out, "overlay", found.overlay);
  json_put_boolean(out, "overlayLowerdirPlus", overlay_takes_lower_list(&host));
  json_put_boolean(out, "seccomp", found.seccomp);
  json_put_boolean(out, "userNamespaces", can_unshare(CLONE_NEWUSER));
  json_put_boolean(out, "mountApi", found.mount_api);
  json_put_boolean(out, "mountSetattr", found.mount_setattr);
  json_put_boolean(out, "openat2", found.openat2);
  json_put_boolean(out, "clone3", found.clone3);
  json_put_boolean(out, "pidfd", found.pidfd);
  json_put_boolean(out, "closeRange", found.close_range);
  json_put_boolean(out, "bridge", found.bridge);
  json_put_boolean(out, "veth", found.veth);
  json_put_boolean(out, "capSysResource", capability_in(capability_available(), CAP_SYS_RESOURCE));
  json_put_boolean(out, "capSysAdmin", found.administer);
  json_put_integer(out, "nofileHard", (int64_t)files.rlim_max);
  write_missing(&found, &cgroups, out);
  buffer_text(out, "}\n");
}
