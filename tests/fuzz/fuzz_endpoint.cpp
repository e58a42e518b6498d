// Any UDP payloads at a server that a client is talking to. Input: what happens, one event after the other:
//   0 size(2) payload    from a stranger, as it is
//   1                    client and server exchange what they have to say
//   2 offset(2) mask(1)  the same, with one byte of the client's first payload changed
//   3 time(1)            so many tenths of a second pass
//   4 size(2) datagram   the client's user sends a datagram
//   5 port(2)            a NAT gives the client another port
//   6 size(2) payload    as 0, from the client's address

#include <algorithm>
#include <cstdlib>

#include "quic/network.h"

namespace {

using namespace mpquic;
using namespace mpquic::quic;

void require(bool holds) {
  if (!holds) std::abort();
}

class Input {
 public:
  explicit Input(Bytes bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  unsigned byte() {
    if (bytes_.empty()) return 0;
    const unsigned value = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return value;
  }
  unsigned word() { return byte() << 8 | byte(); }
  User::Datagram block() {
    const Bytes taken = bytes_.first(std::min<std::size_t>(word(), bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  Bytes bytes_;
};

struct Contexts {
  std::shared_ptr<const TlsContext> client, server;
};

/// The files are read once and gone before libFuzzer, which ends without destructors.
Contexts load_contexts() {
  const Certificates certificates;
  return {must(TlsContext::load(certificates.client())), must(TlsContext::load(certificates.server()))};
}

class Story {
 public:
  explicit Story(const Contexts& contexts) {
    network_.start_server({.transport = {},
                           .tls = contexts.server,
                           .secrets = {{1}, {2}},
                           .slot = {1, 2},
                           .limits = {.half_open = 8, .retry_above = 4}});
    network_.add_client({}, *contexts.client);
  }

  void happen(Input& input) {
    switch (input.byte() % 7) {
      case 0: arrive(input.block(), Network::address("203.0.113.5:5000")); break;
      case 1: network_.run(std::chrono::milliseconds(25)); break;
      case 2: exchange_damaged(input.word(), input.byte()); break;
      case 3: network_.run(std::chrono::milliseconds(100) * input.byte()); break;
      case 4: send(input.block()); break;
      case 5: client().outside.port = static_cast<std::uint16_t>(input.word()); break;
      case 6: arrive(input.block(), client().outside); break;
    }
  }
  /// What came once comes again when nothing is left that knew it: table entries of the dead would show now.
  void replay() {
    network_.server->accepted.clear();
    require(network_.server->endpoint.half_open() == 0);
    for (const Parcel& parcel : std::vector<Parcel>(std::move(seen_))) arrive(parcel.payload, parcel.from);
  }

 private:
  Client& client() { return *network_.clients.front(); }

  void send(User::Datagram datagram) {
    if (!datagram.empty()) client().user.send(std::move(datagram));
  }
  void arrive(User::Datagram payload, const packet::SocketAddress& from) {
    const std::size_t size = payload.size();
    std::size_t answered = 0;
    network_.down.tap = [&](const Parcel& parcel) { answered += parcel.payload.size(); };
    Parcel parcel{std::move(payload), from, network_.server_address, {}};
    seen_.push_back(parcel);
    network_.server->receive(parcel, network_.down, network_.now);
    network_.down.tap = nullptr;
    require(answered <= 3 * size);  // RFC 9000, 8.1
    network_.server->write(network_.down, network_.now);
  }
  void exchange_damaged(std::size_t offset, unsigned mask) {
    client().write(network_.up, network_.now);
    if (auto parcel = network_.up.arrive(never)) {
      if (offset < parcel->payload.size()) parcel->payload[offset] ^= static_cast<std::uint8_t>(mask);
      arrive(std::move(parcel->payload), parcel->from);
    }
    network_.run(std::chrono::milliseconds(25));
  }

  Network network_;
  std::vector<Parcel> seen_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Contexts contexts = load_contexts();
  Input input({data, size});
  Story story(contexts);
  for (int events = 0; !input.empty() && events < 50; ++events) story.happen(input);
  story.replay();
  return 0;
}
