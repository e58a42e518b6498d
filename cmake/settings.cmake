# How everything is compiled. GCC 12 builds the product; clang 19 builds the fuzz targets and lints.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(MPQUIC_TESTS "Build the unit tests and benchmarks" ON)
option(MPQUIC_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
set(MPQUIC_SANITIZE "" CACHE STRING "Value of -fsanitize= for every target, empty for none")

add_library(mpquic_flags INTERFACE)
target_compile_options(mpquic_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wimplicit-fallthrough -Wswitch-enum -Werror)
target_include_directories(mpquic_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(mpquic_flags INTERFACE MPQUIC_VERSION="${PROJECT_VERSION}")

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  # libstdc++ 12 hides std::expected from a compiler that announces less than it can.
  add_compile_options(-U__cpp_concepts -D__cpp_concepts=202002L)
endif()

add_link_options(-Wl,-z,relro,-z,now)

if(MPQUIC_SANITIZE)
  # What the optimizer makes of instrumented code, GCC then warns about. The uninstrumented build has these as errors.
  add_compile_options(-Wno-error=maybe-uninitialized -Wno-error=array-bounds -Wno-error=stringop-overflow
                      -Wno-error=restrict)
  add_compile_options(-fsanitize=${MPQUIC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MPQUIC_SANITIZE})
endif()
if(MPQUIC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(gnutls REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(ngtcp2 REQUIRED IMPORTED_TARGET libngtcp2>=1.11 libngtcp2_crypto_gnutls>=1.11)
pkg_check_modules(nghttp3 REQUIRED IMPORTED_TARGET libnghttp3>=1.8)
pkg_check_modules(mnl REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(nftables REQUIRED IMPORTED_TARGET libnftables)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
