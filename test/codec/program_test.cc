#include <doctest/doctest.h>

#include "codec/program_reader.h"
#include "codec/program_writer.h"

using namespace hawser;

TEST_CASE("what a program writer wrote, a program reader reads") {
  ProgramWriter writer;
  writer.u8(200);
  writer.u16(60000);
  writer.u32(4000000000u);
  writer.u64(1ull << 60);
  writer.i32(-100);
  writer.string("name");
  const uint8_t blob[] = {1, 2, 3};
  writer.blob(blob);
  const auto bytes = writer.take();

  ProgramReader reader(bytes);
  CHECK(reader.u8() == 200);
  CHECK(reader.u16() == 60000);
  CHECK(reader.u32() == 4000000000u);
  CHECK(reader.u64() == 1ull << 60);
  CHECK(reader.i32() == -100);
  CHECK(reader.string() == "name");
  CHECK(reader.blob().size() == 3);
  CHECK(reader.done());
  CHECK_FALSE(reader.failed());
}

TEST_CASE("running off the end of a program sticks") {
  const uint8_t bytes[] = {5, 0, 'a', 'b'};
  ProgramReader reader(bytes);
  CHECK(reader.string().empty());  // claims five bytes of two
  CHECK(reader.failed());
  CHECK(reader.u8() == 0);
  CHECK(reader.u64() == 0);
  CHECK(reader.blob().empty());
  CHECK(reader.done());
}
