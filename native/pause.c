// PID 1 of the pod. It holds the namespaces, reaps orphans, and offers containers three things in its empty root: /null
// and /empty (what masked paths are covered with) and /shm.
#include "pause.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "launch.h"
#include "syscalls.h"

static void require(const struct pause_plan *plan, int result, const char *step) {
  if (result < 0) child_failed(plan->report, step, "");
}

static int make_tmpfs(const char *mode, const char *size, unsigned int attributes) {
  int context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int result = sys_fsconfig(context, FSCONFIG_SET_STRING, "source", "tmpfs", 0);
  if (result == 0) result = sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", mode, 0);
  if (result == 0) result = sys_fsconfig(context, FSCONFIG_SET_STRING, "size", size, 0);
  if (result == 0) result = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  if (result == 0) result = sys_fsmount(context, FSMOUNT_CLOEXEC, attributes);
  close(context);
  return result;
}

static void join_cgroups(const struct pause_plan *plan) {
  for (int i = 0; i < plan->cgroup.count; i++) {
    require(plan, (int)write(plan->cgroup.files[i], "0", 1), "join cgroup");
  }
  if (plan->oom_score[0] == '\0') return;
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, plan->oom_score, strlen(plan->oom_score)) >= 0) return;
  struct report message = {.kind = REPORT_WARNING, .error = errno, .text = "set oom_score_adj of pause"};
  child_report(plan->report, &message, -1);
}

static void enter_empty_root(const struct pause_plan *plan) {
  struct mount_attr private = {.propagation = 1u << 18};
  require(plan, sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private), "make mounts private");
  int root = make_tmpfs("0555", "64k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  int shm = make_tmpfs("1777", plan->shm_size, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  require(plan, root < 0 || shm < 0 ? -1 : 0, "create tmpfs");
  require(plan, mknodat(root, "null", S_IFCHR | 0666, makedev(1, 3)), "create null device");
  require(plan, fchmodat(root, "null", 0666, 0), "create null device");
  require(plan, mkdirat(root, "empty", 0555), "create directory");
  require(plan, mkdirat(root, "shm", 0555), "create directory");
  require(plan, sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "attach root");
  require(plan, sys_move_mount(shm, "", root, "shm", MOVE_MOUNT_F_EMPTY_PATH), "attach shm");
  require(plan, fchdir(root), "enter root");
  require(plan, sys_pivot_root(".", "."), "pivot_root");
  require(plan, sys_umount(".", MNT_DETACH), "detach the host's mounts");
  require(plan, chdir("/"), "enter root");
  // The file system itself, not only this mount: its clones in containers are read-only for good.
  require(
      plan,
      sys_mount(NULL, "/", NULL, 32 /* MS_REMOUNT */ | 1 /* MS_RDONLY */ | 2 /* MS_NOSUID */ | 8 /* MS_NOEXEC */, NULL),
      "seal root");
}

void pause_child(const struct pause_plan *plan) {
  static char name[] = "/pause";
  static char *const arguments[] = {name, NULL};
  static char *const environment[] = {NULL};
  setsid();
  umask(0);
  join_cgroups(plan);
  if (plan->hostname[0] != '\0') require(plan, sethostname(plan->hostname, strlen(plan->hostname)), "set hostname");
  if (plan->domainname[0] != '\0')
    require(plan, setdomainname(plan->domainname, strlen(plan->domainname)), "set domainname");
  enter_empty_root(plan);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // A monitor that died before that line cannot take this message.
  struct report ready = {.kind = REPORT_READY};
  if (send(plan->report, &ready, sizeof ready, MSG_NOSIGNAL) < 0) _exit(125);
  for (int fd = 0; fd < 3; fd++) close(fd);
#ifdef __SANITIZE_ADDRESS__
  // That build is dynamic: the empty root has no loader for it.
  pause_main();
#endif
  sys_execveat(plan->executable, "", arguments, environment, AT_EMPTY_PATH);
  child_failed(plan->report, "execute pause", "");
}

void pause_main(void) {
  sigset_t all;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "pause", 0, 0, 0);
  sys_close_range(0, ~0u, 0);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    sigwaitinfo(&child, NULL);
  }
}
