// The default filter's table, for x86_64 and aarch64. Which calls are allowed follows moby's profiles/seccomp/default_linux.go;
// a line with capabilities is allowed only to containers that have one of them. Calls at the end are refused and only lend
// their names to profiles. `personality`, `socket`, `clone` and `clone3` are ruled in seccomp.c.
#include <asm/unistd.h>
#include <linux/capability.h>

#include "seccomp.h"

// Numbers that younger kernels gave, for older headers. They are the same on both architectures.
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_futex_wake
#define __NR_futex_wake 454
#endif
#ifndef __NR_futex_wait
#define __NR_futex_wait 455
#endif
#ifndef __NR_futex_requeue
#define __NR_futex_requeue 456
#endif
#ifndef __NR_statmount
#define __NR_statmount 457
#endif
#ifndef __NR_listmount
#define __NR_listmount 458
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_getxattrat
#define __NR_getxattrat 464
#endif
#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define ALLOW(name) {#name, __NR_##name, 0, true}
#define WITH(name, capabilities) {#name, __NR_##name, capabilities, true}
#define REFUSE(name) {#name, __NR_##name, 0, false}

const struct syscall_entry SYSCALLS[] = {
    ALLOW(accept), ALLOW(accept4), ALLOW(adjtimex), ALLOW(bind), ALLOW(brk), ALLOW(cachestat), ALLOW(capget),
    ALLOW(capset), ALLOW(chdir), ALLOW(clock_adjtime), ALLOW(clock_getres), ALLOW(clock_gettime),
    ALLOW(clock_nanosleep), ALLOW(close), ALLOW(close_range), ALLOW(connect), ALLOW(copy_file_range), ALLOW(dup),
    ALLOW(dup3), ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(eventfd2),
    ALLOW(execve), ALLOW(execveat), ALLOW(exit), ALLOW(exit_group), ALLOW(faccessat), ALLOW(faccessat2),
    ALLOW(fadvise64), ALLOW(fallocate), ALLOW(fanotify_mark), ALLOW(fchdir), ALLOW(fchmod), ALLOW(fchmodat),
    ALLOW(fchmodat2), ALLOW(fchown), ALLOW(fchownat), ALLOW(fcntl), ALLOW(fdatasync), ALLOW(fgetxattr),
    ALLOW(flistxattr), ALLOW(flock), ALLOW(fremovexattr), ALLOW(fsetxattr), ALLOW(fstat), ALLOW(fstatfs),
    ALLOW(fsync), ALLOW(ftruncate), ALLOW(futex), ALLOW(futex_requeue), ALLOW(futex_wait), ALLOW(futex_waitv),
    ALLOW(futex_wake), ALLOW(get_robust_list), ALLOW(getcpu), ALLOW(getcwd), ALLOW(getdents64), ALLOW(getegid),
    ALLOW(geteuid), ALLOW(getgid), ALLOW(getgroups), ALLOW(getitimer), ALLOW(getpeername), ALLOW(getpgid),
    ALLOW(getpid), ALLOW(getppid), ALLOW(getpriority), ALLOW(getrandom), ALLOW(getresgid), ALLOW(getresuid),
    ALLOW(getrlimit), ALLOW(getrusage), ALLOW(getsid), ALLOW(getsockname), ALLOW(getsockopt), ALLOW(gettid),
    ALLOW(gettimeofday), ALLOW(getuid), ALLOW(getxattr), ALLOW(getxattrat), ALLOW(inotify_add_watch),
    ALLOW(inotify_init1), ALLOW(inotify_rm_watch), ALLOW(io_cancel), ALLOW(io_destroy), ALLOW(io_getevents),
    ALLOW(io_pgetevents), ALLOW(io_setup), ALLOW(io_submit), ALLOW(ioctl), ALLOW(ioprio_get), ALLOW(ioprio_set),
    ALLOW(kill), ALLOW(landlock_add_rule), ALLOW(landlock_create_ruleset), ALLOW(landlock_restrict_self),
    ALLOW(lgetxattr), ALLOW(linkat), ALLOW(listen), ALLOW(listmount), ALLOW(listxattr), ALLOW(listxattrat),
    ALLOW(llistxattr), ALLOW(lremovexattr), ALLOW(lseek), ALLOW(lsetxattr), ALLOW(madvise), ALLOW(map_shadow_stack),
    ALLOW(membarrier), ALLOW(memfd_create), ALLOW(memfd_secret), ALLOW(mincore), ALLOW(mkdirat), ALLOW(mknodat),
    ALLOW(mlock), ALLOW(mlock2), ALLOW(mlockall), ALLOW(mmap), ALLOW(mprotect), ALLOW(mq_getsetattr),
    ALLOW(mq_notify), ALLOW(mq_open), ALLOW(mq_timedreceive), ALLOW(mq_timedsend), ALLOW(mq_unlink), ALLOW(mremap),
    ALLOW(mseal), ALLOW(msgctl), ALLOW(msgget), ALLOW(msgrcv), ALLOW(msgsnd), ALLOW(msync), ALLOW(munlock),
    ALLOW(munlockall), ALLOW(munmap), ALLOW(name_to_handle_at), ALLOW(nanosleep), ALLOW(newfstatat), ALLOW(openat),
    ALLOW(openat2), ALLOW(pidfd_open), ALLOW(pidfd_send_signal), ALLOW(pipe2), ALLOW(pkey_alloc), ALLOW(pkey_free),
    ALLOW(pkey_mprotect), ALLOW(ppoll), ALLOW(prctl), ALLOW(pread64), ALLOW(preadv), ALLOW(preadv2), ALLOW(prlimit64),
    ALLOW(process_mrelease), ALLOW(process_vm_readv), ALLOW(process_vm_writev), ALLOW(pselect6), ALLOW(ptrace),
    ALLOW(pwrite64), ALLOW(pwritev), ALLOW(pwritev2), ALLOW(read), ALLOW(readahead), ALLOW(readlinkat), ALLOW(readv),
    ALLOW(recvfrom), ALLOW(recvmmsg), ALLOW(recvmsg), ALLOW(remap_file_pages), ALLOW(removexattr),
    ALLOW(removexattrat), ALLOW(renameat), ALLOW(renameat2), ALLOW(restart_syscall), ALLOW(rseq), ALLOW(rt_sigaction),
    ALLOW(rt_sigpending), ALLOW(rt_sigprocmask), ALLOW(rt_sigqueueinfo), ALLOW(rt_sigreturn), ALLOW(rt_sigsuspend),
    ALLOW(rt_sigtimedwait), ALLOW(rt_tgsigqueueinfo), ALLOW(sched_get_priority_max), ALLOW(sched_get_priority_min),
    ALLOW(sched_getaffinity), ALLOW(sched_getattr), ALLOW(sched_getparam), ALLOW(sched_getscheduler),
    ALLOW(sched_rr_get_interval), ALLOW(sched_setaffinity), ALLOW(sched_setattr), ALLOW(sched_setparam),
    ALLOW(sched_setscheduler), ALLOW(sched_yield), ALLOW(seccomp), ALLOW(semctl), ALLOW(semget), ALLOW(semop),
    ALLOW(semtimedop), ALLOW(sendfile), ALLOW(sendmmsg), ALLOW(sendmsg), ALLOW(sendto), ALLOW(set_robust_list),
    ALLOW(set_tid_address), ALLOW(setfsgid), ALLOW(setfsuid), ALLOW(setgid), ALLOW(setgroups), ALLOW(setitimer),
    ALLOW(setpgid), ALLOW(setpriority), ALLOW(setregid), ALLOW(setresgid), ALLOW(setresuid), ALLOW(setreuid),
    ALLOW(setrlimit), ALLOW(setsid), ALLOW(setsockopt), ALLOW(setuid), ALLOW(setxattr), ALLOW(setxattrat),
    ALLOW(shmat), ALLOW(shmctl), ALLOW(shmdt), ALLOW(shmget), ALLOW(shutdown), ALLOW(sigaltstack), ALLOW(signalfd4),
    ALLOW(socketpair), ALLOW(splice), ALLOW(statfs), ALLOW(statmount), ALLOW(statx), ALLOW(symlinkat), ALLOW(sync),
    ALLOW(sync_file_range), ALLOW(syncfs), ALLOW(sysinfo), ALLOW(tee), ALLOW(tgkill), ALLOW(timer_create),
    ALLOW(timer_delete), ALLOW(timer_getoverrun), ALLOW(timer_gettime), ALLOW(timer_settime), ALLOW(timerfd_create),
    ALLOW(timerfd_gettime), ALLOW(timerfd_settime), ALLOW(times), ALLOW(tkill), ALLOW(truncate), ALLOW(umask),
    ALLOW(uname), ALLOW(unlinkat), ALLOW(utimensat), ALLOW(vmsplice), ALLOW(wait4), ALLOW(waitid), ALLOW(write),
    ALLOW(writev),
    WITH(fanotify_init, CAP(SYS_ADMIN)), WITH(fsconfig, CAP(SYS_ADMIN)), WITH(fsmount, CAP(SYS_ADMIN)),
    WITH(fsopen, CAP(SYS_ADMIN)), WITH(fspick, CAP(SYS_ADMIN)), WITH(lookup_dcookie, CAP(SYS_ADMIN)),
    WITH(mount, CAP(SYS_ADMIN)), WITH(mount_setattr, CAP(SYS_ADMIN)), WITH(move_mount, CAP(SYS_ADMIN)),
    WITH(open_tree, CAP(SYS_ADMIN)), WITH(quotactl, CAP(SYS_ADMIN)), WITH(quotactl_fd, CAP(SYS_ADMIN)),
    WITH(setdomainname, CAP(SYS_ADMIN)), WITH(sethostname, CAP(SYS_ADMIN)), WITH(setns, CAP(SYS_ADMIN)),
    WITH(umount2, CAP(SYS_ADMIN)), WITH(unshare, CAP(SYS_ADMIN)),
    WITH(open_by_handle_at, CAP(DAC_READ_SEARCH)),
    WITH(reboot, CAP(SYS_BOOT)),
    WITH(chroot, CAP(SYS_CHROOT)),
    WITH(delete_module, CAP(SYS_MODULE)), WITH(init_module, CAP(SYS_MODULE)), WITH(finit_module, CAP(SYS_MODULE)),
    WITH(acct, CAP(SYS_PACCT)),
    WITH(kcmp, CAP(SYS_PTRACE)), WITH(pidfd_getfd, CAP(SYS_PTRACE)), WITH(process_madvise, CAP(SYS_PTRACE)),
    WITH(settimeofday, CAP(SYS_TIME)), WITH(clock_settime, CAP(SYS_TIME)),
    WITH(vhangup, CAP(SYS_TTY_CONFIG)),
    WITH(get_mempolicy, CAP(SYS_NICE)), WITH(mbind, CAP(SYS_NICE)), WITH(set_mempolicy, CAP(SYS_NICE)),
    WITH(set_mempolicy_home_node, CAP(SYS_NICE)),
    WITH(bpf, CAP(SYS_ADMIN) | CAP(BPF)),
    WITH(perf_event_open, CAP(SYS_ADMIN) | CAP(PERFMON)),
    WITH(syslog, CAP(SYS_ADMIN) | CAP(SYSLOG)),
    REFUSE(add_key), REFUSE(keyctl), REFUSE(request_key), REFUSE(io_uring_setup), REFUSE(io_uring_enter),
    REFUSE(io_uring_register), REFUSE(kexec_load), REFUSE(kexec_file_load), REFUSE(migrate_pages), REFUSE(move_pages),
    REFUSE(nfsservctl), REFUSE(pivot_root), REFUSE(swapon), REFUSE(swapoff), REFUSE(userfaultfd), REFUSE(personality),
    REFUSE(socket), REFUSE(clone), REFUSE(clone3),
#ifdef __x86_64__
    ALLOW(access), ALLOW(alarm), ALLOW(arch_prctl), ALLOW(chmod), ALLOW(chown), ALLOW(creat), ALLOW(dup2),
    ALLOW(epoll_create), ALLOW(epoll_ctl_old), ALLOW(epoll_wait), ALLOW(epoll_wait_old), ALLOW(eventfd), ALLOW(fork),
    ALLOW(futimesat), ALLOW(get_thread_area), ALLOW(getdents), ALLOW(getpgrp), ALLOW(inotify_init), ALLOW(lchown),
    ALLOW(link), ALLOW(lstat), ALLOW(mkdir), ALLOW(mknod), ALLOW(modify_ldt), ALLOW(open), ALLOW(pause), ALLOW(pipe),
    ALLOW(poll), ALLOW(readlink), ALLOW(rename), ALLOW(rmdir), ALLOW(select), ALLOW(set_thread_area), ALLOW(signalfd),
    ALLOW(stat), ALLOW(symlink), ALLOW(time), ALLOW(unlink), ALLOW(utime), ALLOW(utimes), ALLOW(vfork),
    WITH(iopl, CAP(SYS_RAWIO)), WITH(ioperm, CAP(SYS_RAWIO)),
    REFUSE(create_module), REFUSE(get_kernel_syms), REFUSE(query_module), REFUSE(sysfs), REFUSE(uselib),
    REFUSE(ustat), REFUSE(_sysctl),
#endif
};

const int SYSCALL_COUNT = sizeof SYSCALLS / sizeof *SYSCALLS;
