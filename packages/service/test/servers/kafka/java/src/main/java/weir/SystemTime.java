// The clock of Kafka, in place of its own, whose jar comes behind ours: the system's, and as many milliseconds ahead as the file
// says that the property weir.clock names. Below libfaketime a broker takes a minute to start, and two processors. What is
// measured from one moment to another goes by nanoseconds, and is right. It lies here as all sources do, though not its package.
package org.apache.kafka.common.utils;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.TimeoutException;

class SystemTime implements Time {
  private static final String FILE = System.getProperty("weir.clock");
  private static final SystemTime SYSTEM_TIME = new SystemTime();
  private static final long READ_EACH_NS = 100_000_000;

  private volatile long aheadMs;
  private volatile long readAtNs;

  public static SystemTime getSystemTime() {
    return SYSTEM_TIME;
  }

  @Override
  public long milliseconds() {
    return System.currentTimeMillis() + (FILE == null ? 0 : aheadMs());
  }

  private long aheadMs() {
    long nowNs = System.nanoTime();
    if (readAtNs == 0 || nowNs - readAtNs > READ_EACH_NS) {
      try {
        aheadMs = Long.parseLong(Files.readString(Path.of(FILE)).trim());
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      readAtNs = nowNs;
    }
    return aheadMs;
  }

  @Override
  public long nanoseconds() {
    return System.nanoTime();
  }

  @Override
  public void sleep(long ms) {
    Utils.sleep(ms);
  }

  @Override
  public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) throws InterruptedException {
    synchronized (object) {
      while (!condition.get()) {
        long leftMs = deadlineMs - milliseconds();
        if (leftMs <= 0) throw new TimeoutException("Condition not satisfied before deadline");
        object.wait(leftMs);
      }
    }
  }

  private SystemTime() {}
}
