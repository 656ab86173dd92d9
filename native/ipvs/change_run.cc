#include "ipvs/change_run.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include <cerrno>

#include "ipvs/destination.h"
#include "ipvs/service.h"

namespace hawser::ipvs {

Outcome ChangeRun::run(std::span<const uint8_t> bytes) {
  ProgramReader program(bytes);
  for (; !program.done(); operation_++) {
    const auto code = static_cast<ChangeCode>(program.u8());
    if (!write(code, program) || program.failed())
      return {.reply = {},
              .error = Error{EINVAL, "the IPVS change program is malformed", kMalformedProgram},
              .failures = {}};
    if (batch_.messages() < kBatchMessages && !program.done()) continue;
    if (auto flushed = flush(); !flushed) return {.reply = {}, .error = flushed.error(), .failures = {}};
  }
  return {.reply = {}, .error = {}, .failures = std::move(failures_)};
}

bool ChangeRun::write(ChangeCode code, ProgramReader& program) {
  MessageWriter& writer = batch_.writer();
  switch (code) {
    case ChangeCode::addService:
    case ChangeCode::changeService:
      begin(code == ChangeCode::addService ? IPVS_CMD_NEW_SERVICE : IPVS_CMD_SET_SERVICE);
      writeService(writer, readService(program));
      break;
    case ChangeCode::deleteService:
      begin(IPVS_CMD_DEL_SERVICE);
      writeServiceKey(writer, readServiceKey(program));
      break;
    case ChangeCode::addDestination:
    case ChangeCode::changeDestination:
      begin(code == ChangeCode::addDestination ? IPVS_CMD_NEW_DEST : IPVS_CMD_SET_DEST);
      writeServiceKey(writer, readServiceKey(program));
      writeDestination(writer, readDestination(program));
      break;
    case ChangeCode::deleteDestination:
      begin(IPVS_CMD_DEL_DEST);
      writeServiceKey(writer, readServiceKey(program));
      writeDestinationKey(writer, readDestinationKey(program));
      break;
    case ChangeCode::flush:
      begin(IPVS_CMD_FLUSH);
      break;
    case ChangeCode::setTimeouts:
      begin(IPVS_CMD_SET_CONFIG);
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP, program.u32());
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, program.u32());
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_UDP, program.u32());
      break;
    default:
      return false;
  }
  batch_.end();
  return true;
}

void ChangeRun::begin(uint8_t command) {
  batch_.begin(family_, 0, operation_);
  batch_.writer().header(genlmsghdr{.cmd = command, .version = IPVS_GENL_VERSION, .reserved = 0});
}

Result<> ChangeRun::flush() {
  batch_.acknowledgeLast();
  auto refusals = batch_.exchange();
  if (!refusals) return refusals.error();
  for (const auto& refusal : *refusals) failures_.push_back(batch_.failure(refusal));
  batch_.clear();
  return Unit{};
}

}  // namespace hawser::ipvs
