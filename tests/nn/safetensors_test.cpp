// Hostile and damaged files: each rule of the format has a file that breaks only that rule.
#include "nn/safetensors.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "nn/safetensors_header.h"
#include "tests/message_of.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

class SafetensorsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / concat("sumi-safetensors-", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name = "file.safetensors") const { return (folder_ / name).string(); }

  fs::path folder_;
};

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + rest;
}
std::string file_of(const std::string& header, std::size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\1'));
}
void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
std::string get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What opening the bytes says, or "" when they are accepted.
std::string verdict(const std::string& path, const std::string& bytes) {
  put(path, bytes);
  return test::message_of([&] { const SafetensorsFile file(path); });
}

const std::string kOne = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";

struct Hostile {
  std::string name, bytes, rule;
};

std::string many_tensors(std::size_t count) {
  std::string h = "{";
  for (std::size_t i = 0; i < count; i++)
    h += concat(i ? "," : "", '"', i, R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  return h + "}";
}

std::vector<Hostile> hostile_files() {
  const auto entry = [](const std::string& body) { return "{\"a\":{" + body + "}}"; };
  return {
      {"empty", "", "0 bytes"},
      {"seven_bytes", std::string(7, '\0'), "7 bytes"},
      {"length_beyond_end", with_length(100, kOne + std::string(24, '\1')), "beyond the end"},
      {"length_all_ones", with_length(~0ull, kOne), "header of"},
      {"length_over_16_mib", with_length((16u << 20) + 1, kOne), "header of"},
      {"zero_length", with_length(0, ""), "begin with '{'"},
      {"leading_space", file_of(" " + kOne, 24), "begin with '{'"},
      {"byte_order_mark", file_of("\xEF\xBB\xBF" + kOne, 24), "begin with '{'"},
      {"array_at_top", file_of("[]", 0), "begin with '{'"},
      {"not_json", file_of("{\"a\":}", 0), "not valid JSON"},
      {"bytes_after_json", file_of(kOne + "x", 24), "not valid JSON"},
      {"zero_byte_after_json", file_of(kOne + std::string("\0x", 2), 24), "zero byte"},
      {"not_utf8", file_of("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4), "not valid JSON"},
      {"duplicate_name",
       file_of(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           2),
       "duplicate key 'a'"},
      {"duplicate_key_in_tensor", file_of(entry(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])"), 1),
       "duplicate key 'dtype'"},
      {"duplicate_metadata", file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "duplicate key 'k'"},
      {"metadata_not_text", file_of(R"({"__metadata__":{"k":1}})", 0), "number outside"},
      {"metadata_nested", file_of(R"({"__metadata__":{"k":{}}})", 0), "nested too deep"},
      {"deep_json", file_of("{\"a\":" + std::string(100000, '['), 0), "array where"},
      {"deep_objects", file_of(R"({"a":{"b":{"c":{}}}})", 0), "unknown key 'b'"},
      {"unknown_key", file_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1)"), 1), "unknown key 'x'"},
      {"missing_shape", file_of(entry(R"("dtype":"U8","data_offsets":[0,1])"), 1), "must have"},
      {"tensor_is_text", file_of(R"({"a":"b"})", 0), "text where"},
      {"tensor_is_null", file_of(R"({"a":null})", 0), "null"},
      {"shape_is_text", file_of(entry(R"("dtype":"U8","shape":"1","data_offsets":[0,1])"), 1), "not an array"},
      {"side_is_text", file_of(entry(R"("dtype":"U8","shape":["1"],"data_offsets":[0,1])"), 1), "text where"},
      {"side_is_fraction", file_of(entry(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])"), 1), "whole one"},
      {"side_with_exponent", file_of(entry(R"("dtype":"U8","shape":[1e0],"data_offsets":[0,1])"), 1), "whole one"},
      {"side_negative", file_of(entry(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])"), 1), "negative"},
      {"side_true", file_of(entry(R"("dtype":"U8","shape":[true],"data_offsets":[0,1])"), 1), "boolean"},
      {"side_beyond_int64", file_of(entry(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1])"), 1),
       "too large"},
      {"side_beyond_uint64", file_of(entry(R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1])"), 1),
       "too large"},
      {"rank_9", file_of(entry(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])"), 1),
       "more than 8 sides"},
      {"dtype_is_number", file_of(entry(R"("dtype":1,"shape":[1],"data_offsets":[0,1])"), 1), "number outside"},
      {"dtype_is_array", file_of(entry(R"("dtype":[1],"shape":[1],"data_offsets":[0,1])"), 1), "array where"},
      {"unknown_dtype", file_of(entry(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])"), 4), "unknown dtype 'F31'"},
      {"three_offsets", file_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[0,1,1])"), 1), "two numbers"},
      {"one_offset", file_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[0])"), 1), "two numbers"},
      {"offsets_reversed", file_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[1,0])"), 1), "by its shape"},
      {"size_wraps_to_0", file_of(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
       "overflows"},
      {"shape_too_large", file_of(entry(R"("dtype":"F32","shape":[7],"data_offsets":[0,24])"), 24), "by its shape"},
      {"offsets_beyond_file", file_of(entry(R"("dtype":"F32","shape":[8],"data_offsets":[0,32])"), 24), "32 bytes"},
      {"first_not_at_0", file_of(entry(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])"), 2), "contiguous"},
      {"gap",
       file_of(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
           3),
       "contiguous"},
      {"overlap",
       file_of(
           R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
           3),
       "contiguous"},
      {"bytes_left_over", file_of(kOne, 25), "25 after"},
      {"bytes_missing", file_of(kOne, 23), "23 after"},
      {"name_of_513",
       file_of("{\"" + std::string(513, 'n') + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0),
       "longer than 512"},
      {"tensors_65537", file_of(many_tensors(65537), 0), "more than 65536 tensors"},
  };
}

TEST_F(SafetensorsTest, EveryRuleRejects) {
  for (const Hostile& h : hostile_files()) {
    const std::string said = verdict(path(), h.bytes);
    EXPECT_NE(said.find(h.rule), std::string::npos) << h.name << ": " << said;
    EXPECT_TRUE(said.starts_with(path() + ": ")) << h.name << ": " << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << h.name << ": " << said;
  }
}

TEST_F(SafetensorsTest, AcceptsWhatTheLimitsAllow) {
  EXPECT_EQ(verdict(path(), file_of(kOne, 24)), "");
  EXPECT_EQ(verdict(path(), file_of("{}", 0)), "");
  EXPECT_EQ(verdict(path(), file_of(kOne + "   ", 24)), "") << "padding with spaces";
  EXPECT_EQ(verdict(path(), file_of(many_tensors(65536), 0)), "");
  EXPECT_EQ(
      verdict(path(),
              file_of("{\"" + std::string(512, 'n') + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0)),
      "");
  EXPECT_EQ(verdict(path(), file_of(R"({"a":{"dtype":"I64","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,8]}})", 8)), "");
  EXPECT_EQ(
      verdict(
          path(),
          file_of(
              R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
              5)),
      "")
      << "names in any order";
}

TEST_F(SafetensorsTest, RefusesWhatIsNoFile) {
  EXPECT_THROW(SafetensorsFile{path("absent")}, Error);
  EXPECT_THROW(SafetensorsFile{folder_.string()}, Error);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THROW(SafetensorsFile{path("pipe")}, Error);
}

const std::string kSample =
    R"({"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"n":{"dtype":"I64","shape":[],"data_offsets":[24,32]}})";

TEST_F(SafetensorsTest, EveryTruncationIsRejected) {
  const std::string whole = file_of(kSample, 32);
  ASSERT_EQ(verdict(path(), whole), "");
  for (std::size_t n = 0; n < whole.size(); n++) EXPECT_NE(verdict(path(), whole.substr(0, n)), "") << n;
}

/// Every value of every header byte: an error, or a file whose every entry still lies inside the data.
TEST_F(SafetensorsTest, EveryByteChangeIsRejectedOrConsistent) {
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < kSample.size(); i++)
    for (int value = 0; value < 256; value++) {
      std::string header = kSample;
      header[i] = static_cast<char>(value);
      try {
        const auto parsed = parse_safetensors_header(header, 32);
        std::size_t end = 0;
        for (const TensorEntry& e : parsed.entries) {
          EXPECT_EQ(e.begin, end);
          end = e.end;
        }
        EXPECT_EQ(end, 32u) << header;
        accepted++;
      } catch (const Error&) {
      }
    }
  EXPECT_GT(accepted, kSample.size());  // the unchanged file once per byte, and other names
  EXPECT_LT(accepted, kSample.size() * 256 / 10);
  for (std::size_t i = 0; i < 8; i++)
    for (int value = 0; value < 256; value++) {
      std::string file = file_of(kSample, 32);
      if (file[i] == static_cast<char>(value)) continue;
      file[i] = static_cast<char>(value);
      EXPECT_NE(verdict(path(), file), "") << "length byte " << i << " = " << value;
    }
}

TEST_F(SafetensorsTest, AtomicWriteReplacesAndLeavesNoTemporary) {
  put(path(), "old");
  write_file_atomically(path(), "new bytes");
  EXPECT_EQ(get(path()), "new bytes");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
}

TEST_F(SafetensorsTest, AtomicWriteWithoutCommitKeepsTheOldFile) {
  put(path(), "old");
  {
    AtomicFile file(path());
    file.write("half of the new ");
    EXPECT_EQ(get(path()), "old");
  }
  EXPECT_EQ(get(path()), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
}

TEST_F(SafetensorsTest, AtomicWriteFollowsLinksAndRefusesDevices) {
  put(path("target"), "old");
  fs::create_symlink(path("target"), path("link"));
  write_file_atomically(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(get(path("target")), "new");
  EXPECT_THROW(write_file_atomically("/dev/null", "x"), Error);
  EXPECT_THROW(write_file_atomically(folder_.string(), "x"), Error);
  EXPECT_THROW(write_file_atomically(path("no/such/folder"), "x"), Error);
}

TEST_F(SafetensorsTest, FullDiskKeepsTheOldFile) {
  if (::geteuid() != 0 || ::mount("sumi", folder_.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "mounting a small file system needs root";
  put(path(), "old");
  try {
    write_file_atomically(path(), std::string(256 << 10, 'x'));
    ADD_FAILURE() << "256 KiB fitted into 64 KiB";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("No space left"), std::string::npos) << e.what();
    EXPECT_TRUE(std::string(e.what()).starts_with(path())) << e.what();
  }
  EXPECT_EQ(get(path()), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
  ::umount(folder_.c_str());
}

}  // namespace
}  // namespace sumi
