#pragma once

#include <gtest/gtest.h>

#include <string>

#include "quic/network.h"

namespace mpquic::quic {

using namespace std::chrono_literals;

/// A client and a server that get on with one another, 20 ms apart and back.
class ConnectionTest : public testing::Test {
 protected:
  static const Certificates& certificates() {
    static const Certificates made;
    return made;
  }
  static std::shared_ptr<const TlsContext> tls(const TlsSettings& settings) { return must(TlsContext::load(settings)); }

  void start_server() { network_.start_server(server_settings_); }
  Client& dial() { return network_.add_client(transport_, *client_tls_); }
  /// Both ends, once the handshake is over.
  void connect() {
    start_server();
    dial();
    ASSERT_TRUE(network_.run(2s, [this] { return client().user.established; }))
        << "client: " << client()->close_reason();
    ASSERT_TRUE(accepted().user.established);
  }
  void run(Duration span) { network_.run(span); }

  Client& client() { return *network_.clients.back(); }
  Server& server() { return *network_.server; }
  AcceptedConnection& accepted() { return *network_.server->accepted.back(); }

  static User::Datagram datagram(std::size_t size, std::uint8_t first = 0) {
    User::Datagram result(size);
    for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<std::uint8_t>(first + i);
    return result;
  }

  TransportSettings transport_;
  Server::Settings server_settings_{
      .transport = {}, .tls = tls(certificates().server()), .secrets = {{1}, {2}}, .slot = {}, .limits = {}};
  std::shared_ptr<const TlsContext> client_tls_ = tls(certificates().client());
  Network network_;
};

}  // namespace mpquic::quic
