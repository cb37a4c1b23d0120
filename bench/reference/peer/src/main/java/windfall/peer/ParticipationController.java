package windfall.peer;

import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.reactive.RedisReactiveCommands;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneId;
import org.springframework.core.io.ClassPathResource;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

/** Joins a promotion: the script decides in Redis, the accrual follows by Kafka. */
@RestController
class ParticipationController {
  private static final ZoneId ZONE = ZoneId.of("Asia/Seoul");

  private record Join(String userId) {}

  private final RedisReactiveCommands<String, String> redis;
  private final AccrualPublisher accruals;
  private final String script;
  private final String digest;

  ParticipationController(StatefulRedisConnection<String, String> connection, AccrualPublisher accruals)
      throws IOException {
    this.redis = connection.reactive();
    this.accruals = accruals;
    this.script = new ClassPathResource("participate.lua").getContentAsString(StandardCharsets.UTF_8);
    this.digest = connection.sync().scriptLoad(script);
  }

  @PostMapping("/promotions/{id}/participate")
  Mono<ResponseEntity<Answer>> participate(@PathVariable("id") String id, @RequestBody Join join) {
    String date = LocalDate.now(ZONE).toString();
    return decide(id, join.userId(), date)
        .map(
            code -> {
              if (code != 0) {
                return ResponseEntity.status(HttpStatus.CONFLICT).body(new Answer(code, refusal(code)));
              }
              accruals.publish(id, join.userId(), date);
              return ResponseEntity.ok(Answer.OK);
            });
  }

  private Mono<Integer> decide(String id, String userId, String date) {
    String[] keys = {"stock:" + id, "joinTypes:" + id, "advUser:promoId:" + id + "userId" + userId};
    return redis
        .<Long>evalsha(digest, ScriptOutputType.INTEGER, keys, date, id, userId)
        .onErrorResume(
            RedisNoScriptException.class,
            flushed -> redis.<Long>eval(script, ScriptOutputType.INTEGER, keys, date, id, userId))
        .next()
        .map(Long::intValue);
  }

  private static String refusal(int code) {
    return switch (code) {
      case -1 -> "SOLD_OUT";
      case -3 -> "ALREADY_JOINED_TODAY";
      default -> "CONDITION_NOT_MET";
    };
  }
}
