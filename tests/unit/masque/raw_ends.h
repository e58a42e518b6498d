#pragma once

#include "masque/http3.h"
#include "masque/tunnels_fixture.h"

/// Ends that say whatever a test wants.
namespace mpquic::masque {

class RawClient final : public Http3Owner {
 public:
  RawClient(quic::Connection& connection, std::vector<Header> request, Packet content)
      : http_(Http3::begin(Http3::Role::client, connection, *this)),
        request_(std::move(request)),
        content_(std::move(content)) {}
  void on_settings(const PeerSettings& settings) override {
    EXPECT_TRUE(settings.extended_connect);
    EXPECT_TRUE(settings.datagrams);
    stream_ = http_->request(request_);
    if (!content_.empty()) http_->send(*stream_, content_);
  }
  void on_headers(StreamId, const std::vector<Header>& headers) override { answer = headers.front().value; }
  void on_content(StreamId, Bytes) override {}
  void on_content_end(StreamId) override { ended = true; }
  void on_broken(StreamId) override { broken = true; }
  void on_request_closed(StreamId) override {}

  std::string answer;  ///< its :status
  bool ended = false, broken = false;

 private:
  std::unique_ptr<Http3> http_;
  std::vector<Header> request_;
  Packet content_;
  std::optional<StreamId> stream_;
};

class RawRequestTest : public TunnelsTest {
 protected:
  void ask(const std::vector<Header>& request, const Packet& content = {}) {
    begin();
    quic::Client& end = client();
    end.user.begin_protocol = [this, &end, request, content] {
      raw_ = std::make_unique<RawClient>(end.connection(), request, content);
    };
    run(500ms);
    ASSERT_NE(raw_, nullptr);
  }
  std::vector<Header> good() const { return write_request(request_); }

  std::unique_ptr<RawClient> raw_;
};

class RawServer final : public Http3Owner {
 public:
  RawServer(quic::Connection& connection, std::vector<Header> answer, Packet content)
      : http_(Http3::begin(Http3::Role::server, connection, *this)),
        answer_(std::move(answer)),
        content_(std::move(content)) {}
  void on_settings(const PeerSettings&) override {}
  void on_headers(StreamId request, const std::vector<Header>&) override {
    http_->respond(request, answer_, false);
    if (!content_.empty()) http_->send(request, content_);
  }
  void on_content(StreamId, Bytes) override {}
  void on_content_end(StreamId) override {}
  void on_broken(StreamId) override { broken = true; }
  void on_request_closed(StreamId) override {}

  bool broken = false;

 private:
  std::unique_ptr<Http3> http_;
  std::vector<Header> answer_;
  Packet content_;
};

class RawAnswerTest : public TunnelsTest {
 protected:
  void answer(const std::vector<Header>& headers, const Packet& content = {}) {
    start_server();
    server().on_accept = [this, headers, content](quic::AcceptedConnection& accepted) {
      accepted.user.begin_protocol = [this, &accepted, headers, content] {
        raw_ = std::make_unique<RawServer>(accepted.connection(), headers, content);
      };
    };
    quic::Client& end = dial();
    end.user.begin_protocol = [this, &end] { client_side_ = std::make_unique<ClientSide>(end, request_); };
    run(500ms);
    ASSERT_NE(raw_, nullptr);
  }

  std::unique_ptr<RawServer> raw_;
};

}  // namespace mpquic::masque
