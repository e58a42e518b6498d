#include "quic/packet_protection.h"

#ifdef MPQUIC_IPSEC_MB

#include <gnutls/crypto.h>
#include <intel-ipsec-mb.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/handle.h"

namespace mpquic::quic {
namespace {

constexpr std::size_t key_size = 16;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

/// nullptr on a CPU without AES instructions. Only read once made, so all threads share it.
IMB_MGR* library() {
  static const std::unique_ptr<IMB_MGR, Deleter<free_mb_mgr>> manager = [] {
    std::unique_ptr<IMB_MGR, Deleter<free_mb_mgr>> made(alloc_mb_mgr(0));
    if (made != nullptr) init_mb_mgr_auto(made.get(), nullptr);
    if (made != nullptr && (imb_get_errno(made.get()) != 0 || (made->features & IMB_FEATURE_AESNI) == 0)) made.reset();
    return made;
  }();
  return manager.get();
}

/// ngtcp2 keeps a key as an opaque pointer. GnuTLS's are aligned, so the lowest bit tells ours from theirs.
class Key {
 public:
  static void* make(const std::uint8_t* key) {
    auto* made = new Key;
    IMB_AES128_GCM_PRE(library(), key, &made->schedule_);
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(made) | 1);
  }
  /// nullptr: it is one of GnuTLS's.
  static Key* from(const ngtcp2_crypto_aead_ctx* context) {
    const auto handle = reinterpret_cast<std::uintptr_t>(context->native_handle);
    return (handle & 1) != 0 ? reinterpret_cast<Key*>(handle & ~std::uintptr_t{1}) : nullptr;
  }
  ~Key() { gnutls_memset(&schedule_, 0, sizeof schedule_); }

  void seal(std::uint8_t* out, const std::uint8_t* in, std::size_t size, const std::uint8_t* nonce,
            const std::uint8_t* aad, std::size_t aad_size) const {
    gcm_context_data state;
    IMB_AES128_GCM_ENC(library(), &schedule_, &state, out, in, size, nonce, aad, aad_size, out + size, tag_size);
  }
  bool open(std::uint8_t* out, const std::uint8_t* in, std::size_t size, const std::uint8_t* nonce,
            const std::uint8_t* aad, std::size_t aad_size) const {
    gcm_context_data state;
    std::array<std::uint8_t, tag_size> tag;
    IMB_AES128_GCM_DEC(library(), &schedule_, &state, out, in, size, nonce, aad, aad_size, tag.data(), tag_size);
    return gnutls_memcmp(tag.data(), in + size, tag_size) == 0;  // in constant time
  }

 private:
  Key() = default;

  alignas(64) gcm_key_data schedule_;  // the header aligns it only where LINUX is defined
};

int encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const std::uint8_t* in, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_length,
            const std::uint8_t* aad, std::size_t aad_size) {
  const Key* key = Key::from(context);
  if (key == nullptr) {
    return ngtcp2_crypto_encrypt_cb(out, aead, context, in, size, nonce, nonce_length, aad, aad_size);
  }
  key->seal(out, in, size, nonce, aad, aad_size);
  return 0;
}

int decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const std::uint8_t* in, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_length,
            const std::uint8_t* aad, std::size_t aad_size) {
  const Key* key = Key::from(context);
  if (key == nullptr) {
    return ngtcp2_crypto_decrypt_cb(out, aead, context, in, size, nonce, nonce_length, aad, aad_size);
  }
  if (size < tag_size || !key->open(out, in, size - tag_size, nonce, aad, aad_size)) return NGTCP2_ERR_DECRYPT;
  return 0;
}

void delete_key(ngtcp2_conn* connection, ngtcp2_crypto_aead_ctx* context, void* user_data) {
  if (Key* key = Key::from(context))
    delete key;
  else
    ngtcp2_crypto_delete_crypto_aead_ctx_cb(connection, context, user_data);
}

/// RFC 8446, 7.1: HKDF-Expand-Label with an empty context.
bool expand(MutableBytes out, const ngtcp2_crypto_md& hash, const std::uint8_t* secret, std::size_t secret_size,
            std::string_view label) {
  constexpr std::string_view opening = "tls13 ";
  std::array<std::uint8_t, 32> info{};
  store_be16(info.data(), static_cast<std::uint16_t>(out.size()));
  info[2] = static_cast<std::uint8_t>(opening.size() + label.size());
  std::memcpy(&info[3], opening.data(), opening.size());
  std::memcpy(&info[3 + opening.size()], label.data(), label.size());
  const std::size_t size = 3 + opening.size() + label.size() + 1;
  return ngtcp2_crypto_hkdf_expand(out.data(), out.size(), &hash, secret, secret_size, info.data(), size) == 0;
}

/// What RFC 9001, 5.1 derives from a traffic secret, besides the header protection key.
struct Protection {
  ngtcp2_crypto_aead_ctx key{};
  std::array<std::uint8_t, nonce_size> iv{};
};

bool derive(Protection& out, const ngtcp2_crypto_md& hash, const std::uint8_t* secret, std::size_t secret_size) {
  std::array<std::uint8_t, key_size> key{};
  const bool derived =
      expand(key, hash, secret, secret_size, "quic key") && expand(out.iv, hash, secret, secret_size, "quic iv");
  if (derived) out.key.native_handle = Key::make(key.data());
  gnutls_memset(key.data(), 0, key.size());
  return derived;
}

/// Whether the 1-RTT keys of this connection are ours.
bool is_ours(const ngtcp2_crypto_ctx& context) {
  const auto cipher = reinterpret_cast<std::intptr_t>(context.aead.native_handle);
  return library() != nullptr && cipher == static_cast<std::intptr_t>(GNUTLS_CIPHER_AES_128_GCM);
}

using InstallKey = int (*)(ngtcp2_conn*, const std::uint8_t*, std::size_t, const ngtcp2_crypto_aead_ctx*,
                           const std::uint8_t*, std::size_t, const ngtcp2_crypto_cipher_ctx*);

bool install(InstallKey install_key, ngtcp2_conn* connection, const ngtcp2_crypto_ctx& context,
             const std::uint8_t* secret, std::size_t secret_size) {
  std::array<std::uint8_t, key_size> header_key{};
  // In the form that ngtcp2's GnuTLS functions work with.
  const gnutls_datum_t header_key_bytes{header_key.data(), header_key.size()};
  gnutls_cipher_hd_t cipher = nullptr;
  if (!expand(header_key, context.md, secret, secret_size, "quic hp") ||
      gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_CBC, &header_key_bytes, nullptr) != 0) {
    return false;
  }
  const ngtcp2_crypto_cipher_ctx header_protection{cipher};
  Protection protection;
  if (derive(protection, context.md, secret, secret_size) &&
      install_key(connection, secret, secret_size, &protection.key, protection.iv.data(), protection.iv.size(),
                  &header_protection) == 0) {
    return true;
  }
  delete Key::from(&protection.key);
  gnutls_cipher_deinit(cipher);
  return false;
}

int on_secret(gnutls_session_t session, gnutls_record_encryption_level_t level, const void* rx_secret,
              const void* tx_secret, std::size_t size) {
  auto* reference = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  ngtcp2_conn* connection = reference->get_conn(reference);
  const auto quic_level = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
  const auto* rx = static_cast<const std::uint8_t*>(rx_secret);
  const auto* tx = static_cast<const std::uint8_t*>(tx_secret);
  // The handshake keys, which come first, have set the connection's cipher.
  const ngtcp2_crypto_ctx* context = ngtcp2_conn_get_crypto_ctx(connection);
  if (quic_level == NGTCP2_ENCRYPTION_LEVEL_1RTT && is_ours(*context)) {
    if (rx != nullptr && !install(ngtcp2_conn_install_rx_key, connection, *context, rx, size)) return -1;
    if (tx != nullptr && !install(ngtcp2_conn_install_tx_key, connection, *context, tx, size)) return -1;
    return 0;
  }
  if (rx != nullptr &&
      ngtcp2_crypto_derive_and_install_rx_key(connection, nullptr, nullptr, nullptr, quic_level, rx, size) != 0) {
    return -1;
  }
  if (tx != nullptr &&
      ngtcp2_crypto_derive_and_install_tx_key(connection, nullptr, nullptr, nullptr, quic_level, tx, size) != 0) {
    return -1;
  }
  return 0;
}

int update_key(ngtcp2_conn* connection, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
               ngtcp2_crypto_aead_ctx* rx_key, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx_key, std::uint8_t* tx_iv,
               const std::uint8_t* current_rx_secret, const std::uint8_t* current_tx_secret, std::size_t size,
               void* user_data) {
  const ngtcp2_crypto_ctx& context = *ngtcp2_conn_get_crypto_ctx(connection);
  if (!is_ours(context)) {
    return ngtcp2_crypto_update_key_cb(connection, rx_secret, tx_secret, rx_key, rx_iv, tx_key, tx_iv,
                                       current_rx_secret, current_tx_secret, size, user_data);
  }
  Protection rx;
  Protection tx;
  if (!expand({rx_secret, size}, context.md, current_rx_secret, size, "quic ku") ||
      !expand({tx_secret, size}, context.md, current_tx_secret, size, "quic ku") ||
      !derive(rx, context.md, rx_secret, size)) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  if (!derive(tx, context.md, tx_secret, size)) {
    delete Key::from(&rx.key);
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  *rx_key = rx.key;
  *tx_key = tx.key;
  std::memcpy(rx_iv, rx.iv.data(), rx.iv.size());
  std::memcpy(tx_iv, tx.iv.data(), tx.iv.size());
  return 0;
}

}  // namespace

void install_packet_protection(ngtcp2_callbacks& callbacks) {
  callbacks.encrypt = encrypt;
  callbacks.decrypt = decrypt;
  callbacks.update_key = update_key;
  callbacks.delete_crypto_aead_ctx = delete_key;
}

void install_packet_protection(gnutls_session_t session) { gnutls_handshake_set_secret_function(session, on_secret); }

}  // namespace mpquic::quic

#else

namespace mpquic::quic {

void install_packet_protection(ngtcp2_callbacks&) {}
void install_packet_protection(gnutls_session_t) {}

}  // namespace mpquic::quic

#endif
