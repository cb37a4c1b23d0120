package windfall.peer;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.data.redis.RedisAutoConfiguration;
import org.springframework.boot.autoconfigure.data.redis.RedisReactiveAutoConfiguration;
import org.springframework.boot.web.reactive.context.ReactiveWebServerInitializedEvent;
import org.springframework.context.annotation.Bean;
import org.springframework.context.event.EventListener;

/**
 * The peer: a promotion service as most teams would build it. One Redis connection shared by all requests, a Lua
 * script that decides, an accrual record to Kafka for every participation. It is a reference to measure against.
 */
@SpringBootApplication(exclude = {RedisAutoConfiguration.class, RedisReactiveAutoConfiguration.class})
public class PeerApplication {

  public static void main(String[] args) {
    SpringApplication.run(PeerApplication.class, args);
  }

  @Bean(destroyMethod = "shutdown")
  RedisClient redisClient(@Value("${peer.redis-url}") String url) {
    return RedisClient.create(url);
  }

  @Bean(destroyMethod = "close")
  StatefulRedisConnection<String, String> redis(RedisClient client) {
    return client.connect();
  }

  @Bean(destroyMethod = "close")
  KafkaProducer<String, String> producer(
      @Value("${peer.kafka-bootstrap}") String bootstrap, @Value("${peer.kafka-linger-ms}") int lingerMs) {
    return new KafkaProducer<>(
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
            ProducerConfig.ACKS_CONFIG, "all",
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true,
            ProducerConfig.LINGER_MS_CONFIG, lingerMs),
        new StringSerializer(),
        new StringSerializer());
  }

  @EventListener
  void ready(ReactiveWebServerInitializedEvent event) {
    System.out.println("listening on http://127.0.0.1:" + event.getWebServer().getPort());
  }
}
