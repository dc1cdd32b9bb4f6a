// Cloning a child into the pod: which PID namespace it is born in, and which cgroup.
#include "launch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "syscalls.h"

static pid_t clone_child(const struct launch *launch, uint64_t flags, int *pidfd) {
  struct clone_args arguments = {.flags = flags | CLONE_PIDFD, .pidfd = (uintptr_t)pidfd};
  arguments.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (launch->cgroup.directory >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (unsigned)launch->cgroup.directory;
  }
  int pid = sys_clone3(&arguments);
  if (pid == 0) launch_child(launch);
  return pid;
}

// The host's number of a process, from its pidfd.
static pid_t pid_of(int pidfd) {
  char path[64];
  char line[128];
  int pid = -1;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  FILE *file = fopen(path, "re");
  if (file == NULL) return -1;
  while (pid < 0 && fgets(line, sizeof line, file) != NULL) sscanf(line, "Pid: %d", &pid);
  fclose(file);
  return pid;
}

struct midwife {
  const struct launch *launch;
  int pidfd;
  int error;
};

static int deliver(void *argument) {
  struct midwife *midwife = argument;
  if (clone_child(midwife->launch, CLONE_NEWPID | CLONE_PARENT, &midwife->pidfd) < 0) midwife->error = errno;
  _exit(0);
}

// A namespace below another one can only be made by a process that lives in that one. So a short-lived process, sharing
// our memory and descriptors and born there, makes the child; CLONE_PARENT leaves the child ours.
static pid_t clone_below(const struct launch *launch, int *pidfd) {
  enum { STACK = 65536 };
  struct midwife midwife = {.launch = launch, .pidfd = -1};
  char *stack = allocate(STACK, 1);
  int status;
  pid_t pid = clone(deliver, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &midwife);
  int error = errno;
  if (pid > 0) {
    waitpid(pid, &status, 0);
    error = midwife.error;
  }
  free(stack);
  *pidfd = midwife.pidfd;
  if (*pidfd >= 0) return pid_of(*pidfd);
  errno = error == 0 ? ECHILD : error;
  return -1;
}

pid_t launch_process(const struct launch *launch, int *pidfd) {
  *pidfd = -1;
  int own = -1;
  if (launch->pid_namespace >= 0) {
    own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(launch->pid_namespace, CLONE_NEWPID) < 0) {
      int error = errno;
      if (own >= 0) close(own);
      errno = error;
      return -1;
    }
  }
  pid_t pid = launch->new_pid_namespace ? clone_below(launch, pidfd) : clone_child(launch, 0, pidfd);
  int error = errno;
  if (own >= 0) {
    // Cannot fail: it is our own namespace.
    setns(own, CLONE_NEWPID);
    close(own);
  }
  errno = error;
  return pid;
}
