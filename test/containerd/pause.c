/* The first process of a pod's sandbox in tests: waits, and reaps what others leave to it. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) {
  _exit(128 + number);
}

static void reap(int number) {
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
