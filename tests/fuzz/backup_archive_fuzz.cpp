// Any bytes as a backup: each member is written whole and is part of them, or the archive is refused by name; a
// manifest that is read is written as one that says the same. Some inputs are an honest archive with changes, some of
// those have the sums of their headers made right again.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/proof/archive.hpp"
#include "app/proof/backup.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall;
using namespace windfall::fuzz;
using namespace windfall::proof;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSumAt = 148;

/// A folder of this process, in memory where there is such a place: every member is made durable.
struct Folder {
  Folder() {
    path = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    path += "/windfall-fuzz-XXXXXX";
    require(mkdtemp(path.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

std::string file(const std::string& name) {
  static const Folder kFolder;
  return kFolder.path + "/" + name;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string honest_manifest(std::vector<Member> members) {
  return encode_manifest(
      {.lineage = "0102", .last_frame = 7, .events = 9, .participations = 3, .members = std::move(members)});
}

std::string honest_archive() {
  const auto out = ArchiveWriter::create(file("honest"));
  require(out.has_value());
  const auto lineage = (*out)->add_text("lineage", "0123456789");
  const auto segment = (*out)->add_text("journal/0000000000000001.seg", std::string(600, 'x'));
  require(lineage && segment && (*out)->add_text(kManifestName, honest_manifest({*lineage, *segment})));
  require((*out)->finish().has_value());
  return content_of(file("honest"));
}

/// Makes the sum of every header right that stands where one may stand.
void reseal(std::string& archive) {
  for (std::size_t at = 0; at + kBlock <= archive.size(); at += kBlock) {
    if (archive.compare(at + 257, 5, "ustar") != 0) continue;
    archive.replace(at + kSumAt, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = at; i < at + kBlock; ++i) sum += static_cast<unsigned char>(archive[i]);
    for (std::size_t i = 6; i-- > 0; sum /= 8) archive[at + kSumAt + i] = static_cast<char>('0' + (sum % 8));
  }
}

/// True if it could be taken apart.
bool check_archive(const std::string& archive) {
  const std::string path = file("archive");
  std::ofstream(path, std::ios::binary | std::ios::trunc) << archive;
  std::vector<std::string> names;
  const auto members = extract(path, [&](const std::string& name) -> Result<std::string> {
    names.push_back(name);
    return file("member" + std::to_string(names.size()));
  });
  if (!members) require(members.error().code == FailureCode::damaged && !members.error().message.empty());
  std::size_t at = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string member = file("member" + std::to_string(i + 1));
    const std::string content = content_of(member);
    require(std::filesystem::remove(member) && archive.compare(at + kBlock, content.size(), content) == 0);
    require(!members || ((*members)[i].name == names[i] && (*members)[i].bytes == content.size()));
    at += kBlock + ((content.size() + kBlock - 1) / kBlock * kBlock);
  }
  require(!members || members->size() == names.size());
  return members.has_value();
}

void check_manifest(const std::string& text) {
  const auto manifest = decode_manifest(text);
  if (!manifest) return require(!manifest.error().message.empty());
  const std::string again = encode_manifest(*manifest);
  const auto twice = decode_manifest(again);
  require(twice && encode_manifest(*twice) == again && twice->members.size() == manifest->members.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kHonest = honest_archive();
  static const bool kWhole = check_archive(kHonest);
  require(kWhole);
  Bytes says(data, size);
  const std::size_t kind = says.byte() % 4;
  if (kind == 1) {
    check_manifest(changed(honest_manifest({{.name = "lineage", .bytes = 10, .sha256 = "ab"}}), says));
    return 0;
  }
  std::string archive = kind == 0 ? std::string(says.rest()) : changed(kHonest, says);
  if (kind == 0) check_manifest(archive);
  if (kind == 2) reseal(archive);
  check_archive(archive);
  return 0;
}
