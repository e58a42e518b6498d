#include "system/resolved.h"

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/handle.h"
#include "base/time.h"

namespace mpquic::system {
namespace {

constexpr const char* service = "org.freedesktop.resolve1";
constexpr std::uint64_t patience_us = 2'000'000;  // of a call, and of the bus before it

// Not flushed before it is closed: that may wait for ever, and every call has been answered or given up.
using Bus = std::unique_ptr<sd_bus, Deleter<sd_bus_close_unref>>;
using Message = std::unique_ptr<sd_bus_message, Deleter<sd_bus_message_unref>>;

struct Refusal {
  sd_bus_error error{};

  Refusal() = default;
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;
  ~Refusal() { sd_bus_error_free(&error); }

  bool is(const char* name) const { return sd_bus_error_has_name(&error, name) > 0; }
  bool is_denial() const {
    return is(SD_BUS_ERROR_ACCESS_DENIED) || is(SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
  }
  bool is_absence() const { return is(SD_BUS_ERROR_SERVICE_UNKNOWN) || is(SD_BUS_ERROR_NAME_HAS_NO_OWNER); }
};

/// One method call to resolved's manager, for an interface: `Call(bus, "RevertLink", ifindex)`, what else it takes,
/// send(). An error while it is put together shows when it is sent.
class Call {
 public:
  Call(sd_bus* bus, const char* method, unsigned ifindex) : bus_(bus), method_(method) {
    sd_bus_message* made = nullptr;
    note(sd_bus_message_new_method_call(bus, &made, service, "/org/freedesktop/resolve1",
                                        "org.freedesktop.resolve1.Manager", method));
    message_.reset(made);
    // Whoever has not started it does not use it.
    if (ok()) note(sd_bus_message_set_auto_start(made, 0));
    add("i", static_cast<int>(ifindex));
  }

  template <class... Values>
  void add(const char* types, Values... values) {
    if (ok()) note(sd_bus_message_append(message_.get(), types, values...));
  }
  void add_bytes(Bytes bytes) {
    if (ok()) note(sd_bus_message_append_array(message_.get(), 'y', bytes.data(), bytes.size()));
  }
  void open(char kind, const char* contents) {
    if (ok()) note(sd_bus_message_open_container(message_.get(), kind, contents));
  }
  void close() {
    if (ok()) note(sd_bus_message_close_container(message_.get()));
  }

  Result<void> send(Refusal& refusal) {
    if (ok()) note(sd_bus_call(bus_, message_.get(), patience_us, &refusal.error, nullptr));
    if (ok()) return {};
    if (refusal.is_absence()) return failure("systemd-resolved does not run here");
    if (refusal.is_denial())
      return failure("systemd-resolved lets this user set no DNS servers: polkit decides who may");
    const std::string why =
        refusal.error.message != nullptr ? refusal.error.message : std::generic_category().message(-status_);
    return failure("systemd-resolved: {}: {}", method_, why);
  }

 private:
  bool ok() const { return status_ >= 0; }
  void note(int status) { status_ = status; }

  sd_bus* bus_;
  const char* method_;
  Message message_;
  int status_ = 0;
};

/// 0, or a negative errno. Left to itself sd-bus waits for its welcome for as long as the watchdog has patience.
int wait_until_ready(sd_bus* bus) {
  const Instant deadline = Clock::now() + std::chrono::microseconds(patience_us);
  for (;;) {
    const int ready = sd_bus_is_ready(bus);
    if (ready != 0) return std::min(ready, 0);
    const int processed = sd_bus_process(bus, nullptr);
    if (processed < 0) return processed;
    if (processed > 0) continue;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now()).count();
    if (left <= 0) return -ETIMEDOUT;
    sd_bus_wait(bus, static_cast<std::uint64_t>(left));
  }
}

Result<Bus> connect() {
  sd_bus* opened = nullptr;
  int status = sd_bus_open_system(&opened);
  Bus bus(opened);
  if (status >= 0) status = wait_until_ready(opened);
  if (status >= 0) return bus;
  return failure("systemd-resolved can't be told anything: the system bus (D-Bus): {}",
                 std::generic_category().message(-status));
}

Result<void> send(Call& call) {
  Refusal refusal;
  return call.send(refusal);
}

Result<void> set_servers(sd_bus* bus, unsigned ifindex, std::span<const packet::Address> servers) {
  Call call(bus, "SetLinkDNS", ifindex);
  call.open('a', "(iay)");
  for (const packet::Address& server : servers) {
    call.open('r', "iay");
    call.add("i", server.is_ipv4() ? AF_INET : AF_INET6);
    call.add_bytes(server.bytes());
    call.close();
  }
  call.close();
  return send(call);
}

Result<void> set_domains(sd_bus* bus, unsigned ifindex, Resolved::Names names) {
  Call call(bus, "SetLinkDomains", ifindex);
  call.open('a', "(sb)");
  constexpr int for_routing_only = 1;
  if (names == Resolved::Names::all) call.add("(sb)", ".", for_routing_only);
  call.close();
  return send(call);
}

// Without it resolved would guess, from whether there are domains.
Result<void> set_default_route(sd_bus* bus, unsigned ifindex) {
  Call call(bus, "SetLinkDefaultRoute", ifindex);
  call.add("b", 1);
  return send(call);
}

Result<void> revert_link(sd_bus* bus, unsigned ifindex) {
  Call call(bus, "RevertLink", ifindex);
  Refusal refusal;
  auto reverted = call.send(refusal);
  const bool nothing_there = refusal.is_absence() || refusal.is("org.freedesktop.resolve1.NoSuchLink");
  return nothing_there ? Result<void>() : reverted;
}

}  // namespace

Result<void> Resolved::set(unsigned ifindex, std::span<const packet::Address> servers, Names names) const {
  const auto bus = connect();
  if (!bus) return std::unexpected(bus.error());
  auto done = set_servers(bus->get(), ifindex, servers);
  if (!done) return done;
  done = set_domains(bus->get(), ifindex, names);
  if (done) done = set_default_route(bus->get(), ifindex);
  if (done) return done;
  if (const auto undone = revert_link(bus->get(), ifindex); !undone)
    done.error().message += "; " + undone.error().message;
  return done;
}

Result<void> Resolved::revert(unsigned ifindex) const {
  const auto bus = connect();
  if (!bus) return {};  // it was not told anything either
  return revert_link(bus->get(), ifindex);
}

}  // namespace mpquic::system
