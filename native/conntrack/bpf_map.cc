#include "conntrack/bpf_map.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hawser::conntrack {
namespace {

Result<Descriptor> createMap(uint32_t type, uint32_t keySize, uint32_t valueSize, size_t entries,
                             uint32_t flags) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = keySize;
  attributes.value_size = valueSize;
  attributes.max_entries = static_cast<uint32_t>(std::max<size_t>(entries, 1));
  attributes.map_flags = flags;
  Descriptor descriptor(static_cast<int>(callBpf(BPF_MAP_CREATE, attributes)));
  if (!descriptor) return Error{errno, "cannot make a BPF map"};
  return descriptor;
}

uint64_t pointer(const void* to) { return reinterpret_cast<uintptr_t>(to); }

}  // namespace

long callBpf(int command, bpf_attr& attributes) {
  return ::syscall(__NR_bpf, command, &attributes, sizeof attributes);
}

Result<BpfHash> BpfHash::of(uint32_t keySize, uint32_t valueSize, size_t entries) {
  auto made = createMap(BPF_MAP_TYPE_HASH, keySize, valueSize, entries, BPF_F_NO_PREALLOC);
  if (!made) return made.error();
  return BpfHash(std::move(*made));
}

Result<> BpfHash::put(const void* key, const void* value) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<uint32_t>(fd());
  attributes.key = pointer(key);
  attributes.value = pointer(value);
  if (callBpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) return Error{errno, "cannot add to a BPF map"};
  return Unit{};
}

void BpfHash::remove(const void* key) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<uint32_t>(fd());
  attributes.key = pointer(key);
  (void)callBpf(BPF_MAP_DELETE_ELEM, attributes);
}

Result<BpfCounters> BpfCounters::of(size_t rows) {
  rows = std::max<size_t>(rows, 1);
  constexpr uint32_t kRowBytes = kWidth * sizeof(uint64_t);
  auto made = createMap(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), kRowBytes, rows, BPF_F_MMAPABLE);
  if (!made) return made.error();
  void* memory = ::mmap(nullptr, rows * kRowBytes, PROT_READ | PROT_WRITE, MAP_SHARED, made->get(), 0);
  if (memory == MAP_FAILED) return Error{errno, "cannot map the counters of a BPF program"};
  return BpfCounters(std::move(*made), static_cast<uint64_t*>(memory), rows);
}

BpfCounters::BpfCounters(BpfCounters&& other) noexcept
    : descriptor_(std::move(other.descriptor_)),
      memory_(std::exchange(other.memory_, nullptr)),
      rows_(other.rows_) {}

BpfCounters::~BpfCounters() {
  if (memory_ != nullptr) ::munmap(memory_, bytes());
}

}  // namespace hawser::conntrack
