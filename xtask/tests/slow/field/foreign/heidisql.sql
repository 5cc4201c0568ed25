-- --------------------------------------------------------
-- Host:                         127.0.0.1
-- Server version:               8.0.36 - MySQL Community Server - GPL
-- Server OS:                    Win64
-- HeidiSQL Version:             12.6.0.6765
-- --------------------------------------------------------

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8 */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;


-- Dumping database structure for shop
CREATE DATABASE IF NOT EXISTS `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;
USE `shop`;

-- Dumping structure for view shop.all_bright
-- Creating temporary table to overcome VIEW dependency errors
CREATE TABLE `all_bright` (
	`id` INT(10) NOT NULL
) ENGINE=MyISAM;

-- Dumping structure for view shop.bright
-- Creating temporary table to overcome VIEW dependency errors
CREATE TABLE `bright` (
	`id` INT(10) NOT NULL
) ENGINE=MyISAM;

-- Dumping structure for event shop.nightly
DELIMITER //
CREATE EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' ON COMPLETION PRESERVE DISABLE DO DELETE FROM lamp WHERE watt = 0//
DELIMITER ;

-- Dumping structure for table shop.lamp
CREATE TABLE IF NOT EXISTS `lamp` (
  `id` int NOT NULL AUTO_INCREMENT,
  `room_id` int DEFAULT NULL,
  `watt` double DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `room_id` (`room_id`),
  CONSTRAINT `lamp_room` FOREIGN KEY (`room_id`) REFERENCES `room` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Dumping data for table shop.lamp: ~2 rows (approximately)
DELETE FROM `lamp`;
/*!40000 ALTER TABLE `lamp` DISABLE KEYS */;
INSERT INTO `lamp` (`id`, `room_id`, `watt`) VALUES
	(1, 1, 40),
	(2, NULL, 60);
/*!40000 ALTER TABLE `lamp` ENABLE KEYS */;

-- Dumping structure for procedure shop.dim
DELIMITER //
CREATE PROCEDURE `dim`(IN n INT)
BEGIN
	DELETE FROM lamp WHERE id = n;
END//
DELIMITER ;

-- Dumping structure for table shop.room
CREATE TABLE IF NOT EXISTS `room` (
  `id` int NOT NULL,
  `name` varchar(40) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Dumping data for table shop.room: ~1 rows (approximately)
DELETE FROM `room`;
INSERT INTO `room` (`id`, `name`) VALUES
	(1, 'größe');

-- Dumping structure for trigger shop.lamp_bi
SET @OLDTMP_SQL_MODE=@@SQL_MODE, SQL_MODE='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';
DELIMITER //
CREATE TRIGGER `lamp_bi` BEFORE INSERT ON `lamp` FOR EACH ROW SET NEW.watt = COALESCE(NEW.watt, 1)//
DELIMITER ;
SET SQL_MODE=@OLDTMP_SQL_MODE;

-- Dumping structure for view shop.all_bright
-- Removing temporary table and create final VIEW structure
DROP TABLE IF EXISTS `all_bright`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `all_bright` AS select `bright`.`id` AS `id` from `bright`
;

-- Dumping structure for view shop.bright
-- Removing temporary table and create final VIEW structure
DROP TABLE IF EXISTS `bright`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `bright` AS select `lamp`.`id` AS `id` from `lamp` where (`lamp`.`watt` > 50)
;

/*!40103 SET TIME_ZONE=IFNULL(@OLD_TIME_ZONE, 'system') */;
/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;
/*!40014 SET FOREIGN_KEY_CHECKS=IFNULL(@OLD_FOREIGN_KEY_CHECKS, 1) */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40111 SET SQL_NOTES=IFNULL(@OLD_SQL_NOTES, 1) */;
