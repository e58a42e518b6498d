// Any sequenced packets and probes over paths that come and go, at any times. Input: how many packets may be held and
// how many blocks of memory there are (1 byte each), then steps. A step is a kind (1 byte: 4 bits what, 3 bits the
// path) and what belongs to it:
//   0: a sequenced packet as it is: a size (1 byte), that many bytes
//   1: a probe, likewise
//   2: so many milliseconds pass (1 byte)
//   3: the path is added, or removed
//   4: the path's round trip in milliseconds (1 byte)
//   else: a packet of a flow: 2 bits of flow, ordered, copy (1 byte), sequence (2 bytes), sent so long ago (1 byte, ms)

#include <cstdlib>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tunnel/receiver.h"

namespace {

using namespace mpquic;
using namespace mpquic::tunnel;
using std::chrono::milliseconds;

void require(bool holds) {
  if (!holds) std::abort();
}

class Peer final : public PacketSink {
 public:
  Peer(std::size_t held, std::size_t blocks)
      : held_(held), pool_(128, blocks), receiver_({.flows = 1 << 14, .held_packets = held}, pool_, drops_) {}

  /// False: there are no more.
  bool step(Bytes& input) {
    if (input.empty()) return false;
    const std::uint8_t kind = input[0] >> 4;
    const PathId path = input[0] % most_paths;
    input = input.subspan(1);
    switch (kind) {
      case 0: raw(path, take(input, take_byte(input))); break;
      case 1: probe(path, take(input, take_byte(input))); break;
      case 2: wait(milliseconds(take_byte(input))); break;
      case 3: add_or_remove(path); break;
      case 4:
        if (exists_[path]) receiver_.follow_round_trip(path, milliseconds(take_byte(input)));
        break;
      default: packet(path, take(input, 4)); break;
    }
    return true;
  }
  /// A flow that is silent for longer is another one.
  bool is_young() const { return now_ - began_ < std::chrono::seconds(9); }
  void end() {
    wait(milliseconds(150));
    require(receiver_.deadline() == never);
    require(receiver_.statistics().held_packets == 0);
    require(drops_[Drop::duplicate] == receiver_.statistics().duplicates);
    // What came in comes out, or is known to have done so before.
    require(delivered_ + drops_[Drop::duplicate] + drops_[Drop::malformed] == received_);
  }

  void deliver(Bytes packet) override {
    require(!packet.empty());
    ++delivered_;
    if (packet.size() != mark_size) return;
    const Mark mark{load_be16(&packet[0]), load_be32(&packet[2])};
    const auto came = came_.find(mark);
    require(came != came_.end());
    // Unordered packets have one order of numbers; who skips half of it makes old ones new.
    if (mark.first == 0 && skips_) return;
    require(!std::exchange(came->second.is_out, true));
    require(now_ - came->second.at <= ReceiverLimits{}.longest_wait);
  }

 private:
  using Mark = std::pair<std::uint16_t, std::uint32_t>;  // flow, sequence
  static constexpr std::size_t mark_size = 6;
  struct Came {
    Instant at;
    bool is_out = false;
  };

  static Bytes take(Bytes& input, std::size_t size) {
    const Bytes taken = input.first(std::min(size, input.size()));
    input = input.subspan(taken.size());
    return taken;
  }
  static std::uint8_t take_byte(Bytes& input) {
    const Bytes taken = take(input, 1);
    return taken.empty() ? 0 : taken[0];
  }
  void raw(PathId path, Bytes bytes) {
    if (!exists_[path]) return;
    // Those of marked flows are known by what is in them.
    std::vector<std::uint8_t> packet(bytes.begin(), bytes.end());
    if (packet.size() == sequence_header_size + mark_size) packet.push_back(0);
    if (packet.size() > sequence_header_size) packet[0] |= 0x20;
    skips_ |= packet.size() > sequence_header_size && (packet[0] & 0x80) == 0;
    receive(path, packet);
  }
  void packet(PathId path, Bytes bytes) {
    if (!exists_[path] || bytes.size() < 4) return;
    const bool ordered = (bytes[0] & 4) != 0;
    const auto flow = static_cast<std::uint16_t>(ordered ? 1 + bytes[0] % 4 : 0);
    const Mark mark{flow, load_be16(&bytes[1])};
    std::vector<std::uint8_t> packet(sequence_header_size + mark_size);
    write({.ordered = ordered,
           .copy = (bytes[0] & 8) != 0,
           .flow = flow,
           .sequence = mark.second,
           .path_sequence = path_sequence_++,
           .sent_at = microseconds(now_ - milliseconds(bytes[3]))},
          std::span(packet).first<sequence_header_size>());
    store_be16(&packet[sequence_header_size], mark.first);
    store_be32(&packet[sequence_header_size + 2], mark.second);
    came_.emplace(mark, Came{now_});
    receive(path, packet);
  }
  void receive(PathId path, Bytes packet) {
    ++received_;
    receiver_.receive(path, packet, now_, *this);
    const std::size_t held = receiver_.statistics().held_packets;
    require(held <= held_ && (held == 0) == (receiver_.deadline() == never));
    const ReceiverPathStatistics of_path = receiver_.statistics(path);
    require(of_path.packets > 0 || packet.size() <= sequence_header_size);
  }
  void probe(PathId path, Bytes bytes) {
    if (!exists_[path]) return;
    const std::uint64_t before = drops_[Drop::malformed];
    receiver_.receive_probe(path, bytes, now_);
    received_ += drops_[Drop::malformed] - before;
  }
  void add_or_remove(PathId path) {
    exists_[path] = !exists_[path];
    if (exists_[path])
      receiver_.add_path(path);
    else
      receiver_.remove_path(path, now_, *this);
  }
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    while (receiver_.deadline() <= end) {
      now_ = std::max(now_, receiver_.deadline());
      receiver_.on_deadline(now_, *this);
      require(receiver_.deadline() > now_);
    }
    now_ = end;
  }

  std::size_t held_;
  packet::BufferPool pool_;
  DropCounters drops_;
  Receiver receiver_;
  bool exists_[most_paths] = {};
  std::uint32_t path_sequence_ = 0;
  bool skips_ = false;  ///< there were unordered packets with any numbers
  Instant now_ = Instant() + std::chrono::hours(1) + std::chrono::nanoseconds(321);
  const Instant began_ = now_;
  std::map<Mark, Came> came_;
  std::uint64_t received_ = 0, delivered_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Bytes input(data + 2, size - 2);
  Peer peer(std::size_t{data[0]} + 1, data[1]);
  while (peer.is_young() && peer.step(input)) {
  }
  peer.end();
  return 0;
}
