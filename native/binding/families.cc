#include "binding/families.h"

#include "nftables/session.h"

namespace hawser {
namespace {

struct Family {
  std::string_view name;
  SessionFactory open;
};

constexpr Family kFamilies[] = {
    {"nftables", &nftables::NftablesSession::open},
};

}  // namespace

SessionFactory findFamily(std::string_view name) {
  for (const Family& family : kFamilies)
    if (family.name == name) return family.open;
  return nullptr;
}

}  // namespace hawser
