#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>

namespace hawser {

/** Starts a thread on which no signal is delivered: they are the main thread's, and would interrupt system
 * calls. */
template <typename Body>
std::thread startQuietThread(Body body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(body);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace hawser
