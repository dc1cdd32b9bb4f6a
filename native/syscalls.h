// Thin wrappers for system calls that older C libraries lack, so that the build needs only kernel headers.
#ifndef NOCHER_SYSCALLS_H
#define NOCHER_SYSCALLS_H

#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const char *data) {
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount(const char *target, int flags) { return (int)syscall(SYS_umount2, target, flags); }
static inline int sys_pivot_root(const char *new_root, const char *put_old) {
  return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int sys_fsopen(const char *type, unsigned int flags) { return (int)syscall(SYS_fsopen, type, flags); }
static inline int sys_fsconfig(int fd, unsigned int command, const char *key, const void *value, int aux) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}
static inline int sys_fsmount(int fd, unsigned int flags, unsigned int attributes) {
  return (int)syscall(SYS_fsmount, fd, flags, attributes);
}
static inline int sys_open_tree(int dir, const char *path, unsigned int flags) {
  return (int)syscall(SYS_open_tree, dir, path, flags);
}
static inline int sys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags) {
  return (int)syscall(SYS_move_mount, from_dir, from, to_dir, to, flags);
}
static inline int sys_mount_setattr(int dir, const char *path, unsigned int flags, struct mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, dir, path, flags, attributes, sizeof *attributes);
}
static inline int sys_openat2(int dir, const char *path, struct open_how *how) {
  return (int)syscall(SYS_openat2, dir, path, how, sizeof *how);
}
static inline int sys_clone3(struct clone_args *arguments) {
  return (int)syscall(SYS_clone3, arguments, sizeof *arguments);
}
static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
static inline int sys_close_range(unsigned int first, unsigned int last, unsigned int flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int sys_execveat(int dir, const char *path, char *const arguments[], char *const environment[],
                               int flags) {
  return (int)syscall(SYS_execveat, dir, path, arguments, environment, flags);
}
#endif
