#include "app/proof/archive.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>

#include "adapters/codec/encoding.hpp"

namespace windfall::proof {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kChunk = 1024 * 1024;
/// What eleven octal digits hold; larger sizes are written as GNU tar does, in base 256.
constexpr std::uint64_t kLargestOctal = 077777777777ULL;

// Offsets and lengths of POSIX ustar.
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSumAt = 148;

using Block = std::array<char, kBlock>;

tl::unexpected<Failure> trouble(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return fail(full ? FailureCode::disk_full : FailureCode::unavailable, path + ": " + std::strerror(errno));
}

/// Sum of all bytes, those of the sum itself counted as spaces.
unsigned checksum(const Block& block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    sum += i >= kSumAt && i < kSumAt + 8 ? unsigned{' '} : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

void put(Block& block, std::size_t at, std::string_view text) { std::ranges::copy(text, block.data() + at); }

std::uint64_t size_in(const Block& block) {
  std::uint64_t size = 0;
  if ((static_cast<unsigned char>(block[kSizeAt]) & 0x80U) != 0) {
    for (std::size_t i = kSizeAt + 4; i < kSizeAt + 12; ++i) size = (size << 8U) | static_cast<unsigned char>(block[i]);
    return size;
  }
  for (std::size_t i = kSizeAt; i < kSizeAt + 11 && block[i] >= '0' && block[i] <= '7'; ++i) {
    size = size * 8 + static_cast<std::uint64_t>(block[i] - '0');
  }
  return size;
}

class Sha256 {
 public:
  Sha256() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  std::string hex() {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256_final(&state_, digest.data());
    return codec::to_hex(digest);
  }

 private:
  crypto_hash_sha256_state state_{};
};

/// Closed when it goes out of scope.
struct OpenFile {
  explicit OpenFile(int opened) : file(opened) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file >= 0) close(file);
  }
  int file;
};

Result<bool> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return trouble(path);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

/// How many bytes were there, at most as many as asked for.
Result<std::size_t> read_some(int file, std::span<char> into, const std::string& path) {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = ::read(file, into.data() + have, into.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return trouble(path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

}  // namespace

Result<std::unique_ptr<ArchiveWriter>> ArchiveWriter::create(const std::string& path) {
  std::error_code none;
  if (std::filesystem::exists(path, none)) return fail(FailureCode::conflict, path + " exists already");
  // It holds people's ids: for its owner only.
  const std::string part = path + ".part";
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return trouble(part);
  return std::unique_ptr<ArchiveWriter>(new ArchiveWriter(path, file));
}

ArchiveWriter::~ArchiveWriter() {
  close(file_);
  if (!finished_) unlink((path_ + ".part").c_str());
}

Result<bool> ArchiveWriter::write(std::string_view bytes) { return write_all(file_, bytes, path_ + ".part"); }

Result<bool> ArchiveWriter::header(const std::string& name, std::uint64_t bytes) {
  if (name.size() >= kNameBytes) return fail(FailureCode::invalid, name + ": too long a name for an archive");
  Block block{};
  put(block, 0, name);
  put(block, 100, "0000600");
  put(block, 108, "0000000");
  put(block, 116, "0000000");
  if (bytes <= kLargestOctal) {
    put(block, kSizeAt, fmt::format("{:011o}", bytes));
  } else {
    block[kSizeAt] = static_cast<char>(0x80U);
    for (std::size_t i = 0; i < 8; ++i) block[kSizeAt + 11 - i] = static_cast<char>((bytes >> (8 * i)) & 0xFFU);
  }
  put(block, 136, "00000000000");  // no time: equal contents make equal archives
  block[156] = '0';
  put(block, 257, std::string_view("ustar\00000", 8));
  put(block, kSumAt, fmt::format("{:06o}", checksum(block)));
  block[kSumAt + 7] = ' ';
  return write({block.data(), block.size()});
}

Result<bool> ArchiveWriter::pad(std::uint64_t bytes) {
  static constexpr Block kZeros{};
  return write({kZeros.data(), (kBlock - bytes % kBlock) % kBlock});
}

Result<Member> ArchiveWriter::add_file(const std::string& name, const std::string& path, std::uint64_t bytes) {
  const OpenFile in(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.file < 0) return trouble(path);
  if (const auto done = header(name, bytes); !done) return tl::unexpected(done.error());
  Sha256 hash;
  std::string chunk(kChunk, '\0');
  for (std::uint64_t left = bytes; left > 0;) {
    const std::size_t want = std::min<std::uint64_t>(left, chunk.size());
    const Result<std::size_t> got = read_some(in.file, std::span(chunk).first(want), path);
    if (!got) return tl::unexpected(got.error());
    if (*got < want) return fail(FailureCode::damaged, fmt::format("{}: shorter than {} bytes", path, bytes));
    const std::string_view piece = std::string_view(chunk).substr(0, want);
    hash.add(piece);
    if (const auto done = write(piece); !done) return tl::unexpected(done.error());
    left -= want;
  }
  if (const auto done = pad(bytes); !done) return tl::unexpected(done.error());
  return Member{.name = name, .bytes = bytes, .sha256 = hash.hex()};
}

Result<Member> ArchiveWriter::add_text(const std::string& name, std::string_view text) {
  if (const auto done = header(name, text.size()); !done) return tl::unexpected(done.error());
  if (const auto done = write(text); !done) return tl::unexpected(done.error());
  if (const auto done = pad(text.size()); !done) return tl::unexpected(done.error());
  Sha256 hash;
  hash.add(text);
  return Member{.name = name, .bytes = text.size(), .sha256 = hash.hex()};
}

Result<bool> ArchiveWriter::finish() {
  static constexpr Block kZeros{};
  for (int i = 0; i < 2; ++i) {
    if (const auto done = write({kZeros.data(), kZeros.size()}); !done) return done;
  }
  if (fsync(file_) != 0) return trouble(path_);
  // link, not rename: never over a file that somebody else has made meanwhile.
  const std::string part = path_ + ".part";
  if (link(part.c_str(), path_.c_str()) != 0) return trouble(path_);
  unlink(part.c_str());
  finished_ = true;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  const OpenFile parent(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.file < 0 || fsync(parent.file) != 0) return trouble(folder.string());
  return true;
}

Result<std::vector<Member>> extract(const std::string& archive,
                                    const std::function<Result<std::string>(const std::string& name)>& where) {
  const OpenFile in(open(archive.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.file < 0) return fail(FailureCode::not_found, archive + ": " + std::strerror(errno));
  const auto cut_short = [&] { return fail(FailureCode::damaged, archive + ": the archive is cut short"); };
  std::vector<Member> members;
  std::string chunk(kChunk, '\0');
  for (;;) {
    Block block{};
    const Result<std::size_t> got = read_some(in.file, block, archive);
    if (!got) return tl::unexpected(got.error());
    if (*got < kBlock) return cut_short();
    if (block[0] == '\0') return members;
    unsigned sum = 0;
    for (std::size_t i = kSumAt; i < kSumAt + 6 && block[i] >= '0' && block[i] <= '7'; ++i) {
      sum = sum * 8 + static_cast<unsigned>(block[i] - '0');
    }
    if (sum != checksum(block))
      return fail(FailureCode::damaged, archive + ": is no backup, or its bytes have changed");
    Member member{
        .name = std::string(block.data(), strnlen(block.data(), kNameBytes)), .bytes = size_in(block), .sha256 = {}};

    const Result<std::string> path = where(member.name);
    if (!path) return tl::unexpected(path.error());
    const OpenFile out(open(path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.file < 0) return trouble(*path);
    Sha256 hash;
    for (std::uint64_t left = member.bytes; left > 0;) {
      const std::size_t want = std::min<std::uint64_t>(left, chunk.size());
      const Result<std::size_t> read = read_some(in.file, std::span(chunk).first(want), archive);
      if (!read) return tl::unexpected(read.error());
      if (*read < want) return cut_short();
      const std::string_view piece = std::string_view(chunk).substr(0, want);
      hash.add(piece);
      if (const auto done = write_all(out.file, piece, *path); !done) return tl::unexpected(done.error());
      left -= want;
    }
    if (fsync(out.file) != 0) return trouble(*path);
    const std::size_t padding = (kBlock - member.bytes % kBlock) % kBlock;
    const Result<std::size_t> skipped = read_some(in.file, std::span(chunk).first(padding), archive);
    if (!skipped) return tl::unexpected(skipped.error());
    if (*skipped < padding) return cut_short();
    member.sha256 = hash.hex();
    members.push_back(std::move(member));
  }
}

}  // namespace windfall::proof
