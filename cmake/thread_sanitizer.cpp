// For the thread sanitizer alone. C11 threads, mutexes and conditions as POSIX ones (which glibc makes them of): it
// knows only these, and crashes at the first memory that a thread begun by thrd_create asks for. librdkafka uses
// nothing else. And what it is not to report: libraries that were compiled without it order their memory by atomics
// that it does not see.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

namespace {

struct Start {
  thrd_start_t call;
  void* argument;
};

void* run(void* start) {
  const std::unique_ptr<Start> given(static_cast<Start*>(start));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(given->call(given->argument)));
}

pthread_mutex_t* posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }
static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

int said(int error) {
  if (error == 0) return thrd_success;
  if (error == EBUSY) return thrd_busy;
  return error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

}  // namespace

extern "C" {

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int done = pthread_mutex_init(posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return said(done);
}
int mtx_lock(mtx_t* mutex) { return said(pthread_mutex_lock(posix(mutex))); }
int mtx_trylock(mtx_t* mutex) { return said(pthread_mutex_trylock(posix(mutex))); }
int mtx_timedlock(mtx_t* mutex, const timespec* until) { return said(pthread_mutex_timedlock(posix(mutex), until)); }
int mtx_unlock(mtx_t* mutex) { return said(pthread_mutex_unlock(posix(mutex))); }
void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(posix(mutex)); }

int cnd_init(cnd_t* condition) { return said(pthread_cond_init(posix(condition), nullptr)); }
int cnd_signal(cnd_t* condition) { return said(pthread_cond_signal(posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return said(pthread_cond_broadcast(posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return said(pthread_cond_wait(posix(condition), posix(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return said(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(posix(condition)); }

int thrd_create(thrd_t* thread, thrd_start_t call, void* argument) {
  auto start = std::make_unique<Start>(Start{.call = call, .argument = argument});
  if (pthread_create(thread, nullptr, run, start.get()) != 0) return thrd_error;
  static_cast<void>(start.release());
  return thrd_success;
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  if (pthread_join(thread, &returned) != 0) return thrd_error;
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return thrd_success;
}

const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier): the sanitizer's own name
  return "called_from_lib:librdkafka.so\n"
         "race:^mtx_lock$\n"  // of librdkafka: nobody else calls it
         "race:libmongoc-1.0.so\n"
         "race:libbson-1.0.so\n";
}

}  // extern "C"
