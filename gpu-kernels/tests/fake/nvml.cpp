// NVML as far as it is called, of one device whose clock falls with every reading.
// SCENE: 0 as it should be; 1 no device at that address; 2 no function for throttle reasons.
#include <cstring>

static int started, readings;
extern "C" {
int nvmlInit_v2() { return started++, 0; }
int nvmlShutdown() { return started--, 0; }
int fake_started() { return started; }
int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) {
    if (started != 1) return 1;
    if (SCENE == 1 || std::strcmp(bus, "0000:3b:00.0")) return 6;
    *device = &readings;
    return 0;
}
int nvmlDeviceGetClockInfo(void* device, unsigned which, unsigned* mhz) {
    if (device != &readings) return 2;
    if (which == 1) *mhz = 1980 - 10 * readings++;
    else if (which == 2) *mhz = 2619;
    else return 2;
    return 0;
}
int nvmlDeviceGetTemperature(void* device, unsigned sensor, unsigned* degrees) {
    if (device != &readings || sensor) return 2;
    return *degrees = 60, 0;
}
// Not every device tells its power.
int nvmlDeviceGetPowerUsage(void*, unsigned*) { return 3; }
#if SCENE != 2
int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* reasons) {
    if (device != &readings) return 2;
    // Idle at first, and when there is no more to do; the power cap in between.
    return *reasons = readings <= 2 ? 1 : 4, 0;
}
#endif
}
