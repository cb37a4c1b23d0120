// A move-only callable, for what std::function cannot hold: closures that own something, such as a Responder.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace windfall::http {

template <class Signature>
class Callback;

/// Holds any callable of the signature; empty when default-made, moved from or assigned {}. One heap allocation each:
/// meant for what happens once per loop turn or connection, not several times per request.
template <class R, class... Args>
class Callback<R(Args...)> {
 public:
  Callback() = default;

  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Callback> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  Callback(F&& callable)  // NOLINT(google-explicit-constructor): a lambda is passed where a callback is asked for
      : held_(std::make_unique<Held<std::decay_t<F>>>(std::forward<F>(callable))) {}

  explicit operator bool() const { return held_ != nullptr; }

  R operator()(Args... args) { return held_->call(std::forward<Args>(args)...); }

 private:
  struct Callable {
    Callable() = default;
    Callable(const Callable&) = delete;
    Callable& operator=(const Callable&) = delete;
    virtual ~Callable() = default;
    virtual R call(Args... args) = 0;
  };

  template <class F>
  struct Held final : Callable {
    template <class G>
    explicit Held(G&& callable) : function(std::forward<G>(callable)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };

  std::unique_ptr<Callable> held_;
};

}  // namespace windfall::http
