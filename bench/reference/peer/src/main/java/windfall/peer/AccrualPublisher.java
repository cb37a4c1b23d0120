package windfall.peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/** Tells the points service of a participation, by Kafka. The answer to the user does not wait for it. */
@Component
class AccrualPublisher {
  private static final long REWARD = 500;

  private record Accrual(
      String eventId, String promotionId, String userId, String date, long amount, long occurredAt) {}

  private final KafkaProducer<String, String> producer;
  private final ObjectMapper json;
  private final String topic;
  private final AtomicLong failed = new AtomicLong();

  AccrualPublisher(
      KafkaProducer<String, String> producer, ObjectMapper json, @Value("${peer.topic}") String topic) {
    this.producer = producer;
    this.json = json;
    this.topic = topic;
    producer.partitionsFor(topic); // so that no request waits for the topic's metadata
  }

  void publish(String promotionId, String userId, String date) {
    Accrual accrual =
        new Accrual(
            UUID.randomUUID().toString(), promotionId, userId, date, REWARD, System.currentTimeMillis());
    try {
      producer.send(
          new ProducerRecord<>(topic, userId, json.writeValueAsString(accrual)),
          (metadata, failure) -> {
            if (failure != null) {
              failed.incrementAndGet();
            }
          });
    } catch (JsonProcessingException impossible) {
      failed.incrementAndGet();
    }
  }

  /** Accruals that Kafka has not taken; a run in which there are any is void. */
  long failed() {
    return failed.get();
  }
}
