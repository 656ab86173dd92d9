// The first process of every pod: it holds the pod's namespaces open while containers come and go, and, where
// containers share a process namespace, is the parent that collects the dead. It does nothing else.

#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void) {
  // Signals are blocked and waited for one by one: no handler, and none is lost between two system calls. Blocking is
  // also what makes SIGTERM reach us at all, for the first process of a namespace ignores what it does not ask for
  // (pid_namespaces(7)).
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGTERM);
  sigaddset(&awaited, SIGINT);
  sigaddset(&awaited, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &awaited, NULL) != 0) {
    perror("pause: blocking signals");
    return 1;
  }
  for (;;) {
    int number = 0;
    if (sigwait(&awaited, &number) != 0) continue;
    if (number != SIGCHLD) return 0;
    // One SIGCHLD may stand for many children: standard signals do not queue (signal(7)).
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}
