#include "certs/token.h"

#include <cctype>
#include <set>
#include <span>

#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

std::string made() {
  const auto token = make_token();
  EXPECT_TRUE(token) << message(token);
  return token.value_or("");
}

TEST(Token, Has256BitsInBase64urlAndIsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string token = made();
    EXPECT_EQ(token.size(), 43u) << token;
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos)
        << token;
    seen.insert(token);
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Token, ItsHashIsSha256OfItsText) {
  // FIPS 180-2, B.1
  EXPECT_EQ(hash_of_token("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_NE(hash_of_token("abd"), hash_of_token("abc"));
}

TEST(Token, AHashIsReadAsItIsWritten) {
  const std::string hash = hash_of_token("abc");
  EXPECT_EQ(parse_token_hash(hash).value(), hash);
  std::string capitals = hash;
  for (char& c : std::span(capitals).subspan(7)) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(parse_token_hash(capitals).value(), hash);
}

TEST(Token, AnythingElseIsNoHashAndIsNotRepeated) {
  const std::string hash = hash_of_token("abc");
  const std::string token = made();
  for (const std::string& text :
       {std::string(), std::string("sha256:"), hash.substr(0, hash.size() - 1), hash + "0", hash.substr(7),
        "SHA256:" + hash.substr(7), "sha512:" + hash.substr(7), hash.substr(0, 70) + "g", " " + hash, token}) {
    const auto parsed = parse_token_hash(text);
    EXPECT_FALSE(parsed) << text;
    if (text.size() > 7) {
      EXPECT_EQ(message(parsed).find(text.substr(7)), std::string::npos) << message(parsed);
    }
  }
}

class TokenFile : public testing::Test {
 protected:
  std::filesystem::path file(std::string_view text, mode_t mode = 0600) {
    const auto path = directory_.write("box1.token", text);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  /// What is wrong with it, without the file's name.
  std::string refusal(std::string_view text, mode_t mode = 0600) {
    const auto path = file(text, mode);
    const std::string whole = message(read_token(path));
    EXPECT_TRUE(whole.starts_with(path.string() + ": ")) << whole;
    EXPECT_EQ(whole.find('\n'), std::string::npos) << whole;
    return whole.substr(std::min(whole.size(), path.string().size() + 2));
  }

  TemporaryDirectory directory_;
  const std::string token_ = made();
};

TEST_F(TokenFile, IsOneLineWithOrWithoutItsEnd) {
  EXPECT_EQ(read_token(file(token_)).value(), token_);
  EXPECT_EQ(read_token(file(token_ + "\n")).value(), token_);
  EXPECT_EQ(read_token(file("0123456789abcdef0123456789ABCDEF")).value(), "0123456789abcdef0123456789ABCDEF");
  EXPECT_EQ(read_token(file("AAECAwQFBgcICQoLDA0ODw==")).value(), "AAECAwQFBgcICQoLDA0ODw==");
}

TEST_F(TokenFile, HoldsNothingButATokenOfABearer) {
  for (const std::string& text : {std::string(), std::string("\n"), token_ + "\n\n", token_ + "\r\n", " " + token_,
                                  token_ + " " + token_, "=" + token_, "a=" + token_, token_ + "\n" + token_ + "\n",
                                  "\"" + token_ + "\"", std::string(1025, 'x'), token_ + std::string(1, '\0')}) {
    EXPECT_EQ(refusal(text), "no token: one line of letters, digits and any of -._~+/") << text;
  }
}

TEST_F(TokenFile, HoldsWhatNobodyCanGuess) {
  const std::string guessable = "a token of less than 128 bits could be guessed (mpquic token new makes one)";
  EXPECT_EQ(refusal("secret"), guessable);
  EXPECT_EQ(refusal(token_.substr(0, 21)), guessable) << "126 bits";
  EXPECT_TRUE(read_token(file(token_.substr(0, 22)))) << "132 bits";
  EXPECT_EQ(refusal("0123456789abcdef0123456789abcde"), guessable) << "hexadecimal, 124 bits";
  EXPECT_EQ(refusal(std::string(38, '7')), guessable) << "decimal, 126 bits";
}

TEST_F(TokenFile, IsItsOwnersAlone) {
  for (const mode_t mode : {0640u, 0604u, 0644u, 0620u, 0602u, 0666u, 0601u}) {
    EXPECT_EQ(refusal(token_, mode), fmt::format("a token that others than its owner may open, mode {:04o} (did you "
                                                 "mean chmod 600?)",
                                                 mode));
  }
  EXPECT_TRUE(read_token(file(token_, 0400)));
}

TEST_F(TokenFile, MustBeThere) {
  EXPECT_EQ(message(read_token(directory_ / "other.token")),
            (directory_ / "other.token").string() + ": No such file or directory");
}

TEST_F(TokenFile, IsMadeForItsOwnerAloneAndHasTheHashThatIsTold) {
  const auto made = make_token_file(directory_ / "new", "box1", false);
  ASSERT_TRUE(made) << message(made);
  EXPECT_EQ(made->file, directory_ / "new" / "box1.token");
  EXPECT_EQ(mode(made->file), 0600u);
  const auto token = read_token(made->file);
  ASSERT_TRUE(token) << message(token);
  EXPECT_EQ(contents(made->file), *token + "\n");
  EXPECT_EQ(hash_of_token(*token), made->hash);
}

TEST_F(TokenFile, IsReplacedOnlyWhenThatIsMeant) {
  const auto path = file("mine\n");
  const auto refused = make_token_file(directory_.path(), "box1", false);
  EXPECT_EQ(message(refused), path.string() + " is there already (--force replaces it)");
  EXPECT_EQ(contents(path), "mine\n");
  const auto replaced = make_token_file(directory_.path(), "box1", true);
  ASSERT_TRUE(replaced) << message(replaced);
  EXPECT_EQ(hash_of_token(read_token(path).value()), replaced->hash);
  EXPECT_EQ(directory_.entries(), 1);
}

TEST_F(TokenFile, IsNamedAsAClientCanBe) {
  for (const char* name : {"", "../box1", "a/b", "ca", "*"}) {
    EXPECT_FALSE(make_token_file(directory_.path(), name, false)) << name;
  }
  EXPECT_EQ(directory_.entries(), 0);
}

}  // namespace
}  // namespace mpquic::certs
