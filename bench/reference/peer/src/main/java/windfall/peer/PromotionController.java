package windfall.peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.reactive.RedisReactiveCommands;
import java.util.List;
import java.util.Map;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** Registers and lists promotions, counts held tickets; hello and stats for the bench. */
@RestController
class PromotionController {
  /** A user nobody knows holds the ticket of the visit that is on its way. */
  private static final long FIRST_VISIT = 1;

  private record JoinType(String joinType, String value) {}

  private record Promotion(
      String id, String title, long rewardAmount, long limitJoinCount, List<JoinType> joinTypes) {}

  private final RedisReactiveCommands<String, String> redis;
  private final AccrualPublisher accruals;
  private final ObjectMapper json;

  PromotionController(
      StatefulRedisConnection<String, String> connection, AccrualPublisher accruals, ObjectMapper json) {
    this.redis = connection.reactive();
    this.accruals = accruals;
    this.json = json;
  }

  @PostMapping("/promotions")
  Mono<Answer> register(@RequestBody Promotion promotion) throws JsonProcessingException {
    String id = promotion.id();
    String conditions = "joinTypes:" + id;
    String[] members =
        promotion.joinTypes().stream()
            .map(type -> String.join(":", id, type.joinType(), type.value()))
            .toArray(String[]::new);
    Mono<Long> replaced =
        members.length == 0
            ? redis.del(conditions)
            : redis.del(conditions).then(redis.sadd(conditions, members));
    return redis
        .set("stock:" + id, Long.toString(promotion.limitJoinCount()))
        .then(replaced)
        .then(redis.hset("promotions", id, json.writeValueAsString(promotion)))
        .thenReturn(Answer.OK);
  }

  @GetMapping(value = "/promotions", produces = MediaType.APPLICATION_JSON_VALUE)
  Mono<String> list() {
    return redis.hvals("promotions").collectList().map(all -> "[" + String.join(",", all) + "]");
  }

  @GetMapping("/promotions/{id}/users/{user}/tickets")
  Mono<Map<String, Object>> held(@PathVariable("id") String id, @PathVariable("user") String user) {
    return redis
        .get("tickets:" + id + ":" + user)
        .map(Long::parseLong)
        .defaultIfEmpty(FIRST_VISIT)
        .map(held -> Map.of("userId", user, "held", held));
  }

  @GetMapping("/hello")
  Mono<String> hello() {
    return Mono.just("hello");
  }

  @GetMapping("/stats")
  Mono<Map<String, Object>> stats() {
    return Mono.just(Map.of("accrualsFailed", accruals.failed()));
  }
}
