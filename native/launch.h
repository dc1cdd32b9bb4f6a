// Starting a process in the pod: what it is to be (prepared by the monitor), and the child's steps up to execve.
#ifndef NOCHER_LAUNCH_H
#define NOCHER_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "capabilities.h"
#include "cgroup.h"
#include "json.h"
#include "rootfs.h"
#include "seccomp.h"
#include "user.h"

enum { RLIMIT_COUNT = 16 };

// Everything about the process itself. Built by process-spec.c; owns its memory but for `document`'s strings.
struct process_spec {
  struct strings args;
  struct strings env;
  char *cwd;
  struct user user;
  struct capabilities capabilities;
  bool no_new_privs;
  struct seccomp_filter filter;
  bool limited[RLIMIT_COUNT];
  struct rlimit limits[RLIMIT_COUNT];
  bool has_oom_score;
  int oom_score;
  bool tty;
  unsigned short rows;
  unsigned short columns;
};

// One message of the child on its report socket. A terminal's master travels with REPORT_TERMINAL. The socket's end
// without REPORT_ERROR means that execve succeeded.
enum report_kind { REPORT_WARNING, REPORT_ERROR, REPORT_TERMINAL, REPORT_READY };
struct report {
  int kind;
  bool at_exec;  // text is complete; otherwise it names the step and `error` says why
  int error;
  char text[480];
};

struct launch {
  const struct process_spec *spec;
  const struct rootfs_plan *rootfs;  // NULL for exec: the joined mount namespace is the root
  int join_pidfd;                    // whose namespaces are joined
  int join_flags;
  int stdio[3];  // -1: the container's /dev/null; unused with a terminal
  struct cgroup_entry cgroup;
  int report;
  int pid_namespace;       // pidfd or namespace descriptor that children are born in, -1: the monitor's own
  bool new_pid_namespace;  // born as PID 1 of a namespace below `pid_namespace`
};

// Clones and runs the child. Returns the host's pid and a pidfd, or -1 with errno.
pid_t launch_process(const struct launch *launch, int *pidfd);
_Noreturn void launch_child(const struct launch *launch);
// In the child: sends an error with errno and ends. `text` names the step.
_Noreturn void child_failed(int report, const char *text, const char *detail);
void child_report(int report, const struct report *message, int fd);
// The container's own /dev/null: the host's must not be in reach of a container's fchmod.
int child_open_null(void);
// Puts pieces together without the C library's formatter; ends with NULL.
void child_text(char *out, size_t size, const char *const pieces[]);
// In the child (launch-exec.c): finds the command and executes it; returns only after reporting why not.
void child_execute(const struct launch *launch);
#endif
