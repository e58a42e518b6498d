#include "quic/callbacks.h"

#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <utility>

#include "quic/connection.h"
#include "quic/packet_protection.h"

namespace mpquic::quic {
namespace {

thread_local bool decrypted = false;

}  // namespace

struct Callbacks {
  static Connection& connection(void* user_data) { return *static_cast<Connection*>(user_data); }

  static void random(std::uint8_t* bytes, std::size_t size, const ngtcp2_rand_ctx*) {
    gnutls_rnd(GNUTLS_RND_NONCE, bytes, size);
  }

  static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t size, void* user_data) {
    return connection(user_data).new_connection_id(*id, token, size) ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }

  static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* id, void* user_data) {
    Connection& self = connection(user_data);
    if (self.identity_) self.identity_->ids->remove(*id);
    return 0;
  }

  static int established(ngtcp2_conn*, void* user_data) {
    Connection& self = connection(user_data);
    self.state_ = ConnectionState::established;
    self.owner_->on_established();
    return 0;
  }

  static int keys(ngtcp2_conn*, ngtcp2_encryption_level level, void* user_data) {
    if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT) connection(user_data).owner_->on_keys();
    return 0;
  }

  // A stream that nobody here has a use for: what it carries is not read, so it ends at its flow control.
  static int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t,
                         const std::uint8_t* data, std::size_t size, void* user_data, void*) {
    Connection& self = connection(user_data);
    const bool end = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    if (self.streams_ != nullptr) self.streams_->on_stream_data(stream, {data, size}, end);
    return 0;
  }

  static int stream_acknowledged(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t size, void* user_data,
                                 void*) {
    Connection& self = connection(user_data);
    if (self.streams_ != nullptr) self.streams_->on_stream_acknowledged(stream, size);
    return 0;
  }

  static int stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t, void* user_data, void*) {
    Connection& self = connection(user_data);
    if (self.streams_ != nullptr) self.streams_->on_stream_reset(stream);
    return 0;
  }

  static int stream_closed(ngtcp2_conn* handle, std::uint32_t flags, std::int64_t stream, std::uint64_t code,
                           void* user_data, void*) {
    Connection& self = connection(user_data);
    const bool has_code = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    if (self.streams_ != nullptr) self.streams_->on_stream_closed(stream, has_code ? code : 0);
    // The place of a stream that the other end had opened is for its next one.
    if (ngtcp2_conn_is_local_stream(handle, stream) != 0) return 0;
    if (ngtcp2_is_bidi_stream(stream) != 0)
      ngtcp2_conn_extend_max_streams_bidi(handle, 1);
    else
      ngtcp2_conn_extend_max_streams_uni(handle, 1);
    return 0;
  }

  static int stream_unblocked(ngtcp2_conn*, std::int64_t stream, std::uint64_t, void* user_data, void*) {
    Connection& self = connection(user_data);
    if (self.streams_ != nullptr) self.streams_->on_stream_unblocked(stream);
    return 0;
  }

  static int datagram(ngtcp2_conn*, std::uint32_t, const std::uint8_t* data, std::size_t size, void* user_data) {
    Connection& self = connection(user_data);
    ++self.counts_.rx_datagrams;
    self.counts_.rx_bytes += size;
    self.owner_->on_datagram({data, size});
    return 0;
  }

  static int acknowledged(ngtcp2_conn*, std::uint64_t id, void* user_data) {
    connection(user_data).acknowledged(id);
    return 0;
  }

  static int lost(ngtcp2_conn*, std::uint64_t id, void* user_data) {
    connection(user_data).lost(id);
    return 0;
  }

  static int stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user_data) {
    connection(user_data).closed(CloseCause::stateless_reset, "the server does not know this connection any more");
    return 0;
  }

  static int decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                     const std::uint8_t* in, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* aad, std::size_t aad_size) {
    static const ngtcp2_decrypt open = shared().decrypt;
    const int error = open(out, aead, context, in, size, nonce, nonce_size, aad, aad_size);
    if (error == 0) decrypted = true;
    return error;
  }

  static ngtcp2_callbacks shared() {
    ngtcp2_callbacks callbacks{};
    callbacks.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
    callbacks.decrypt = ngtcp2_crypto_decrypt_cb;
    callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
    callbacks.update_key = ngtcp2_crypto_update_key_cb;
    callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    callbacks.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    callbacks.rand = random;
    callbacks.get_new_connection_id = new_connection_id;
    callbacks.remove_connection_id = remove_connection_id;
    callbacks.recv_stream_data = stream_data;
    callbacks.acked_stream_data_offset = stream_acknowledged;
    callbacks.stream_reset = stream_reset;
    callbacks.stream_close = stream_closed;
    callbacks.extend_max_stream_data = stream_unblocked;
    callbacks.recv_datagram = datagram;
    callbacks.ack_datagram = acknowledged;
    callbacks.lost_datagram = lost;
    install_packet_protection(callbacks);
    return callbacks;
  }

  static ngtcp2_callbacks client() {
    ngtcp2_callbacks callbacks = shared();
    callbacks.decrypt = decrypt;
    callbacks.client_initial = ngtcp2_crypto_client_initial_cb;
    callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
    callbacks.recv_stateless_reset = stateless_reset;
    // A client counts as connected when the server has verified its certificate, which only HANDSHAKE_DONE says.
    callbacks.handshake_confirmed = established;
    callbacks.recv_rx_key = keys;  // it has those for sending by then
    return callbacks;
  }

  static ngtcp2_callbacks server() {
    ngtcp2_callbacks callbacks = shared();
    callbacks.decrypt = decrypt;
    callbacks.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    callbacks.handshake_completed = established;
    // With these it may send, half a round trip before the client has proved who it is (RFC 9001, 5.7).
    callbacks.recv_tx_key = keys;
    return callbacks;
  }
};

bool take_decrypted() { return std::exchange(decrypted, false); }

const ngtcp2_callbacks& client_callbacks() {
  static const ngtcp2_callbacks callbacks = Callbacks::client();
  return callbacks;
}

const ngtcp2_callbacks& server_callbacks() {
  static const ngtcp2_callbacks callbacks = Callbacks::server();
  return callbacks;
}

}  // namespace mpquic::quic
