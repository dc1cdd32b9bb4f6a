// The child's steps between clone and execve, in order. Only async-signal-safe calls.
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "launch.h"
#include "syscalls.h"

void child_text(char *out, size_t size, const char *const pieces[]) {
  size_t used = 0;
  for (; *pieces != NULL; pieces++) {
    size_t length = strlen(*pieces);
    if (length > size - 1 - used) length = size - 1 - used;
    memcpy(out + used, *pieces, length);
    used += length;
  }
  out[used] = '\0';
}

void child_report(int report, const struct report *message, int fd) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {(void *)(uintptr_t)message, sizeof *message};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(item), &fd, sizeof fd);
  }
  sendmsg(report, &header, MSG_NOSIGNAL);
}

void child_failed(int report, const char *text, const char *detail) {
  struct report message = {.kind = REPORT_ERROR, .error = errno};
  const char *pieces[] = {text, detail[0] == '\0' ? "" : " ", detail, NULL};
  child_text(message.text, sizeof message.text, pieces);
  child_report(report, &message, -1);
  _exit(125);
}

static void warn(int report, const char *text) {
  struct report message = {.kind = REPORT_WARNING, .error = errno};
  const char *pieces[] = {text, NULL};
  child_text(message.text, sizeof message.text, pieces);
  child_report(report, &message, -1);
}

static void reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigset_t none;
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void join_cgroups(const struct launch *launch) {
  for (int i = 0; i < launch->cgroup.count; i++) {
    if (write(launch->cgroup.files[i], "0", 1) < 0) child_failed(launch->report, "join cgroup", "");
  }
}

// The host's /proc is still visible here.
static void set_oom_score(const struct launch *launch) {
  if (!launch->spec->has_oom_score) return;
  char text[16];
  unsigned int value = (unsigned int)(launch->spec->oom_score < 0 ? -launch->spec->oom_score : launch->spec->oom_score);
  size_t at = sizeof text;
  do text[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  if (launch->spec->oom_score < 0) text[--at] = '-';
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text + at, sizeof text - at) < 0) warn(launch->report, "set oom_score_adj");
  if (fd >= 0) close(fd);
}

static void join_namespaces(const struct launch *launch) {
  if (setns(launch->join_pidfd, launch->join_flags) < 0) child_failed(launch->report, "join the pod's namespaces", "");
  if (launch->rootfs == NULL) return;
  if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0) child_failed(launch->report, "create mount namespace", "");
}

static void send_terminal(const struct launch *launch, int master, int slave) {
  struct report message = {.kind = REPORT_TERMINAL};
  struct winsize size = {.ws_row = launch->spec->rows, .ws_col = launch->spec->columns};
  if (size.ws_row > 0) ioctl(master, TIOCSWINSZ, &size);
  child_report(launch->report, &message, master);
  close(master);
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(slave, fd) < 0) child_failed(launch->report, "use terminal", "");
  }
  if (slave > 2) close(slave);
  if (ioctl(0, TIOCSCTTY, 0) < 0) child_failed(launch->report, "take terminal", "");
}

static void enter_root(const struct launch *launch) {
  struct rootfs_build build = {
      .plan = launch->rootfs, .cwd = launch->spec->cwd, .terminal = launch->spec->tty, .master = -1};
  if (launch->rootfs != NULL) {
    if (rootfs_build(&build) < 0) child_failed(launch->report, build.step, build.detail);
  } else if (launch->spec->tty) {
    int pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (pts < 0 || terminal_open(pts, &build.master, &build.slave) < 0)
      child_failed(launch->report, "open terminal", "");
  }
  if (build.master >= 0) send_terminal(launch, build.master, build.slave);
}

// The user must be able to open /dev/stdout anew; devices such as the host's null are not ours to give away.
static void own_stdio(const struct launch *launch) {
  for (int fd = 0; fd < 3; fd++) {
    struct stat status;
    if (fstat(fd, &status) < 0) continue;
    bool ours = S_ISFIFO(status.st_mode) || (launch->spec->tty && isatty(fd));
    if (ours) fchown(fd, launch->spec->user.uid, launch->spec->tty ? (gid_t)-1 : launch->spec->user.gid);
  }
}

int child_open_null(void) {
  struct stat status;
  int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &status) < 0) return -1;
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return fcntl(fd, F_SETFL, 0) < 0 ? -1 : fd;
  errno = ENODEV;
  return -1;
}

// Leaves 0, 1, 2 and the report socket, which is then 3.
static int close_others(const struct launch *launch) {
  for (int fd = 0; fd < 3 && !launch->spec->tty; fd++) {
    int source = launch->stdio[fd] >= 0 ? launch->stdio[fd] : child_open_null();
    if (source < 0 || dup2(source, fd) < 0) child_failed(launch->report, "set up stdio", "");
  }
  if (launch->report != 3 && dup3(launch->report, 3, O_CLOEXEC) < 0) child_failed(launch->report, "set up stdio", "");
  if (sys_close_range(4, ~0u, 0) < 0) child_failed(3, "close descriptors", "");
  return 3;
}

static void set_limits(const struct launch *launch) {
  for (int i = 0; i < RLIMIT_COUNT; i++) {
    // The monitor has lowered what may not be raised; what still fails is not worth the container.
    if (launch->spec->limited[i] && setrlimit(i, &launch->spec->limits[i]) < 0) {
      warn(launch->report, "set rlimit");
    }
  }
}

static int enter_cwd(const struct launch *launch) {
  if (chdir(launch->spec->cwd) < 0) return -1;
  char path[4096];
  // A working directory outside the root shows as "(unreachable)…".
  long length = syscall(SYS_getcwd, path, sizeof path);
  if (length > 0 && path[0] == '/') return 0;
  errno = length > 0 ? EPERM : errno;
  child_failed(launch->report, "enter working directory", launch->spec->cwd);
}

static void take_identity(const struct launch *launch) {
  const struct process_spec *spec = launch->spec;
  bool entered = enter_cwd(launch) == 0;
  if (!spec->no_new_privs && seccomp_install(&spec->filter) < 0)
    child_failed(launch->report, "install seccomp filter", "");
  if (capabilities_drop_bounding(spec->capabilities.bounding) < 0)
    child_failed(launch->report, "drop capabilities", "");
  if (user_apply(&spec->user) < 0) child_failed(launch->report, "become user", "");
  if (capabilities_apply(&spec->capabilities) < 0) child_failed(launch->report, "set capabilities", "");
  // On a network file system root may be the one who is not let in.
  if (!entered && enter_cwd(launch) < 0) child_failed(launch->report, "chdir to cwd", spec->cwd);
  if (!spec->no_new_privs) return;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) child_failed(launch->report, "set no_new_privs", "");
  if (seccomp_install(&spec->filter) < 0) child_failed(launch->report, "install seccomp filter", "");
}

void launch_child(const struct launch *original) {
  struct launch launch = *original;
  reset_signals();
  umask(022);
  setsid();
  join_cgroups(&launch);
  set_oom_score(&launch);
  join_namespaces(&launch);
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  enter_root(&launch);
  launch.report = close_others(&launch);
  own_stdio(&launch);
  set_limits(&launch);
  take_identity(&launch);
  // After the change of user, which clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  child_execute(&launch);
  _exit(125);
}
