# SPDX-License-Identifier: MIT
# How a layer, a unit test and a fuzzer are declared, and the flags that all code is built with.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(opp_flags INTERFACE)
target_compile_definitions(opp_flags INTERFACE _GNU_SOURCE OPP_VERSION="${PROJECT_VERSION}")
target_compile_options(opp_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wundef -Wvla -Wcast-qual -Wwrite-strings
  $<$<BOOL:${OPP_WERROR}>:-Werror>)
if(OPP_CRASH_POINTS)
  target_compile_definitions(opp_flags INTERFACE OPP_CRASH_POINTS)
endif()
if(OPP_SANITIZE STREQUAL "thread")
  target_compile_definitions(opp_flags INTERFACE OPP_EPOLL_AT_ONCE) # src/base/loop.c says why
endif()
if(OPP_SANITIZE)
  target_compile_definitions(opp_flags INTERFACE OPP_POOL_OFF) # base/pool.c: who uses a freed block is to be found
  target_compile_options(opp_flags INTERFACE -fsanitize=${OPP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(opp_flags INTERFACE -fsanitize=${OPP_SANITIZE})
else()
  target_compile_options(opp_flags INTERFACE
    -U_FORTIFY_SOURCE $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2> -fstack-protector-strong
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection>
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},aarch64>:-mbranch-protection=standard>)
  target_link_options(opp_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
target_link_options(opp_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
find_package(Threads REQUIRED)
target_link_libraries(opp_flags INTERFACE Threads::Threads)

function(opp_find_libraries)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET GLOBAL libevent_core>=2.1.12 libevent_extra>=2.1.12 libevent_pthreads>=2.1.12)
  pkg_check_modules(EVENT_TLS REQUIRED IMPORTED_TARGET GLOBAL libevent_openssl>=2.1.12)
  pkg_check_modules(TLS REQUIRED IMPORTED_TARGET GLOBAL libssl>=3.0)
  pkg_check_modules(CURL REQUIRED IMPORTED_TARGET GLOBAL libcurl>=7.88)
  pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson>=2.14)
  pkg_check_modules(LUA REQUIRED IMPORTED_TARGET GLOBAL lua5.4)
  pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET GLOBAL sqlite3>=3.40)
  pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET GLOBAL libcrypto>=3.0)
  pkg_check_modules(YAML REQUIRED IMPORTED_TARGET GLOBAL yaml-0.1)
  pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET GLOBAL libpcre2-8)
  if(OPP_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  endif()
endfunction()

# opp_layer(NAME SOURCES file… [USES layer-or-library…])
function(opp_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(opp_${name} STATIC ${ARG_SOURCES})
  target_include_directories(opp_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(opp_${name} PUBLIC opp_flags ${ARG_USES})
endfunction()

# opp_test(NAME SOURCES file… USES layer…): a cmocka program; in the main build its sanitized twins run too.
function(opp_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests/unit")
  target_compile_definitions(${name} PRIVATE OPP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" OPP_DATA_DIR="${CMAKE_SOURCE_DIR}/../shared/data")
  target_link_libraries(${name} PRIVATE ${ARG_USES} PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(name MATCHES "^test_(audit|bytecode|carry_over|failing_calls|hostile|model|net|outcomes|pauses|schedule_model)$")
    list(REMOVE_ITEM OPP_VARIANTS tsan) # long, and of one thread
  endif()
  opp_add_test(unit.${name} "@BUILD@/tests/${name}")
endfunction()

# opp_add_test(NAME command…): registers the command for this build and, with @BUILD@ replaced, for each variant.
function(opp_add_test name)
  string(REPLACE "@BUILD@" "${CMAKE_BINARY_DIR}" command "${ARGN}")
  add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  foreach(variant ${OPP_VARIANTS})
    string(REPLACE "@BUILD@" "${CMAKE_BINARY_DIR}/${variant}" command "${ARGN}")
    add_test(NAME ${variant}.${name} COMMAND ${command} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties(${variant}.${name} PROPERTIES LABELS ${variant} ENVIRONMENT
      "TSAN_OPTIONS=halt_on_error=1:suppressions='${CMAKE_SOURCE_DIR}/tests/tsan.supp';UBSAN_OPTIONS=print_stacktrace=1;ASAN_OPTIONS=detect_stack_use_after_return=1")
  endforeach()
endfunction()

# opp_fuzzer(NAME SOURCES file… USES layer…): a libFuzzer program, built where OPP_FUZZ is on.
function(opp_fuzzer name)
  if(NOT OPP_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
endfunction()
