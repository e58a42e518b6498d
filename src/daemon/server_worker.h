#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/server_port.h"
#include "daemon/server_tun.h"
#include "peers/registry.h"

namespace mpquic::daemon {

/// All of a server that lives on one worker: its TUN queues, its sockets, its clients. Packets for clients of another
/// worker go there in batches, by mailbox.
class ServerWorker final : public SessionDirectory, private WorkerRoutes, private TurnTask {
 public:
  explicit ServerWorker(Worker& worker) : worker_(worker), sessions_(worker.index(), next_number_) {}
  ~ServerWorker() override { worker_.forget(*this); }

  Worker& worker() { return worker_; }
  /// All workers of the node in the order of their index, this one included. Before the first packet.
  void set_siblings(std::vector<ServerWorker*> siblings);
  ServerTun& add_tun(ServerTunSettings settings, io::TunQueue queue, const packet::Offloads& offloads);
  void add_port(unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
                std::vector<ServerTun*> tunnels, std::shared_ptr<const ServerRules> rules, ControlThread& control);

  // On the worker's thread:
  void apply(const peers::Changes& changes);
  /// New connections get the new credentials; clients keep those that the directory still allows them.
  void change_over(const quic::ServerCredentials& credentials, const std::shared_ptr<const ServerRules>& rules);
  /// What the control thread says to ControlThread::assign().
  void assigned(peers::SessionRef session, const Assignment& assignment);
  /// What it says to ControlThread::look_up().
  void looked_up(peers::SessionRef session, const NameAnswer& answer);
  void stop();
  const DropCounters& drops() const { return drops_; }
  const std::vector<std::unique_ptr<ServerTun>>& tuns() const { return tuns_; }
  const std::vector<std::unique_ptr<ServerPort>>& ports() const { return ports_; }
  const ServerSessions& sessions() const { return sessions_; }

 private:
  /// Bursts on their way to another worker, copied one behind the other.
  struct Crossing {
    struct Item {
      packet::VirtioHeader header;
      std::uint64_t session;
      std::size_t size;
    };
    std::vector<Item> items;
    std::vector<std::uint8_t> bytes;
  };

  void send(peers::SessionRef session, Burst burst) override;
  std::optional<peers::SessionRef> session_to(const packet::Address& destination) override;
  std::uint64_t state_of_routes() override { return state_of_routes_; }
  void end_of_turn() override;
  void receive(const Crossing& crossing);

  Worker& worker_;
  std::vector<ServerWorker*> siblings_;
  std::vector<std::unique_ptr<ServerTun>> tuns_;
  std::uint64_t next_number_ = 1;
  ServerSessions sessions_;
  std::vector<std::unique_ptr<ServerPort>> ports_;  ///< after the sessions: their connections go first
  std::vector<Crossing> crossings_;                 ///< one for each worker
  std::atomic<std::size_t> arriving_bytes_ = 0;     ///< on their way here from all workers
  DropCounters drops_;
  std::uint64_t state_of_routes_ = 1;
  bool stopped_ = false;  ///< siblings may be gone
};

}  // namespace mpquic::daemon
