# mpquic_layer(NAME [USES layer...] [LIBRARIES target...])
#
# One folder under src/ is one static library. USES names the layers below that it may include and link; tests/layers
# holds the same table against the #includes. Tests under tests/unit/NAME become the test program NAME_test.
function(mpquic_layer name)
  cmake_parse_arguments(ARG "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(sources)
    add_library(mpquic_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(mpquic_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM ARG_USES PREPEND mpquic_)
  target_link_libraries(mpquic_${name} ${scope} mpquic_flags ${ARG_USES} ${ARG_LIBRARIES})
endfunction()
